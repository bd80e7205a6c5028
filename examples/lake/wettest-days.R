# The wettest days of each region in the lake, with nanoparquet from CRAN or else with pyarrow by reticulate.
#
#   Rscript wettest-days.R /srv/lake
#
# The same figures as wettest-days.sql, which says why a day begins where it does.

folder <- commandArgs(trailingOnly = TRUE)[1]
files <- list.files(file.path(folder, "observations"), "\\.parquet$", recursive = TRUE, full.names = TRUE)

# Columns of pyarrow as R's own; instants as seconds, for whole numbers of 64 bits are none of R's.
read_with_pyarrow <- function(file) {
  table <- reticulate::import("pyarrow.parquet")$ParquetFile(file)$read()
  column <- function(name, ...) {
    values <- table$column(name)
    for (type in c(...)) values <- values$cast(type)
    unlist(values$to_pylist())
  }
  data.frame(
    station = column("station"), quantity = column("quantity"), flag = column("flag"),
    observedAt = as.POSIXct(column("observedAt", "int64", "float64") / 1e6, origin = "1970-01-01", tz = "UTC"),
    intervalMs = column("intervalMs", "float64"), value = column("value")
  )
}
read_parquet <- if (requireNamespace("nanoparquet", quietly = TRUE)) nanoparquet::read_parquet else read_with_pyarrow

read_part <- function(file) {
  rows <- read_parquet(file)
  rows <- rows[rows$quantity == "rainfall" & rows$flag != "bad" & rows$intervalMs <= 3600000, ]
  region <- utils::URLdecode(sub(".*/region=([^/]*)/.*", "\\1", file))
  rows$region <- rep(if (region == "__HIVE_DEFAULT_PARTITION__") NA_character_ else region, nrow(rows))
  rows[c("region", "station", "observedAt", "intervalMs", "value")]
}
rain <- do.call(rbind, lapply(files, read_part))

rain$day <- format(rain$observedAt - 0.001, "%Y-%m-%d", tz = "UTC")
rain$region <- addNA(factor(rain$region))
days <- aggregate(cbind(mm = value, covered = intervalMs) ~ region + station + day, rain, sum, na.action = na.pass)
whole <- days[days$covered == 86400000, ]
whole <- whole[order(whole$region, -whole$mm, whole$station, whole$day), ]
wettest <- do.call(rbind, lapply(split(whole, whole$region, drop = TRUE), head, 3))
wettest$mm <- round(wettest$mm, 1)
write.csv(wettest[c("region", "station", "day", "mm")], row.names = FALSE, quote = FALSE, na = "")
