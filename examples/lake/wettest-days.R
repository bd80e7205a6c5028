# The wettest days of each region in the lake, with nanoparquet from CRAN.
#
#   Rscript wettest-days.R /srv/lake
#
# The same figures as wettest-days.sql, which says why a day begins where it does.

folder <- commandArgs(trailingOnly = TRUE)[1]
files <- list.files(file.path(folder, "observations"), "\\.parquet$", recursive = TRUE, full.names = TRUE)

read_part <- function(file) {
  rows <- nanoparquet::read_parquet(file)
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
