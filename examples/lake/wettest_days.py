"""The wettest days of each region in the lake, with pandas and pyarrow.

    python3 wettest_days.py /srv/lake

The same figures as wettest-days.sql, which says why a day begins where it does.
"""

import sys

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

folder = sys.argv[1]
parts = pa.schema([("year", pa.int32()), ("month", pa.int32()), ("region", pa.string())])
lake = ds.dataset(f"{folder}/observations", format="parquet", partitioning=ds.partitioning(parts, flavor="hive"))

# The conditions reach the files: other quantities, flags and, with one on `year` or `region`, other files are not read.
rain = lake.to_table(
    columns=["region", "station", "observedAt", "intervalMs", "value"],
    filter=(ds.field("quantity") == "rainfall") & (ds.field("flag") != "bad") & (ds.field("intervalMs") <= 3_600_000),
).to_pandas()

rain["day"] = (rain["observedAt"] - pd.Timedelta(milliseconds=1)).dt.strftime("%Y-%m-%d")
days = rain.groupby(["region", "station", "day"], dropna=False, as_index=False).agg(
    mm=("value", "sum"), covered=("intervalMs", "sum")
)
whole = days[days["covered"] == 86_400_000].sort_values(
    ["region", "mm", "station", "day"], ascending=[True, False, True, True]
)
wettest = whole.groupby("region", dropna=False).head(3).assign(mm=lambda table: table["mm"].round(1))
print(wettest[["region", "station", "day", "mm"]].to_csv(index=False), end="")
