-- The wettest days of each region in the lake. With the DuckDB shell, in the folder of the lake:
--   duckdb < wettest-days.sql
-- or with Atalaia alone:
--   atalaia sql --lake /srv/lake -- "$(cat wettest-days.sql)"
--
-- A reading stands at the end of its interval: the rain of 23:00 to 24:00 belongs to the day before the midnight at which
-- it stands. Readings that quality control calls bad are left out, and a station's day without all its hours, too.
WITH days AS (
  SELECT region, station, CAST(("observedAt" AT TIME ZONE 'UTC') - INTERVAL 1 MILLISECOND AS DATE) AS day,
    sum(value) AS mm, sum("intervalMs") AS covered
  FROM observations
  WHERE quantity = 'rainfall' AND flag <> 'bad' AND "intervalMs" <= 3600000
  GROUP BY ALL
)
SELECT region, station, strftime(day, '%Y-%m-%d') AS day, round(mm, 1) AS mm
FROM days
WHERE covered = 86400000
QUALIFY row_number() OVER (PARTITION BY region ORDER BY mm DESC, station, day) <= 3
ORDER BY region, mm DESC, station, day
