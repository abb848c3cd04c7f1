/** What is fixed when the page is built; see README.md. */
export const config = {
  /** Raster tiles, such as https://tiles.example.com/{z}/{x}/{y}.png, in place of the map of our own. */
  tilesUrl: import.meta.env.VITE_LIVE_TILES_URL || undefined,
  /** Whom to name for the tiles. */
  tilesAttribution: import.meta.env.VITE_LIVE_TILES_ATTRIBUTION || '',
}
