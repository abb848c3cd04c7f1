/**
 * What the SQLite file of the local S3 server keeps of itself, since the
 * server has no settings for it: a write-ahead log, and pages that suit files.
 *
 * A put is several commits. Each is one write to the log and one fsync, where
 * the journal that SQLite uses otherwise takes several of both: a put of
 * 200 KB takes 3 ms instead of 12. What was acknowledged is on the disk either way.
 */
import { DatabaseSync } from 'node:sqlite'

/** A photo is a dozen pages then instead of fifty, and a record still one. */
const PAGE_BYTES = 16_384
/** The tool that has made the file may be about to end. */
const BUSY_MS = 10_000

/** Once, before the server opens it: pages have their size from an empty file on. */
export function prepareDatabase(path: string): void {
  using database = new DatabaseSync(path, { timeout: BUSY_MS })
  database.exec(`PRAGMA page_size = ${PAGE_BYTES}`)
  database.exec('VACUUM')
  database.exec('PRAGMA journal_mode = WAL')
}
