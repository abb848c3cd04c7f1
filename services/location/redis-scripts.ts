/**
 * The scripts that make "newer wins" hold for all pods at once.
 *
 * Each touches one trip's keys only, which share a hash tag:
 *   location:{T}         hash, one field a person: `<ms>|<encoded Position>`
 *   location_stream:{T}  stream, the last hour's trail: p = encoded Position.
 *                        An entry's id is at least its fix's time, so that a
 *                        range from a time on finds all that is newer.
 */
import { createHash } from 'node:crypto'

/** How long a trip's positions outlive its last fix. */
export const KEEP_MS = 3_600_000

/**
 * ARGV: user, ms, encoded Position, the trail's oldest time or '' where the expiry is still fresh. 1 where newer.
 *
 * What is newer than the whole trail is newer than the latest, whose own entry
 * is in the trail: so mostly the stream's own order decides, and nothing is read.
 */
export const STORE_LIVE = `
if type(redis.pcall('XADD', KEYS[2], ARGV[2] .. '-0', 'p', ARGV[3])) == 'table' then
  local held = redis.call('HGET', KEYS[1], ARGV[1])
  if held and tonumber(string.match(held, '^%d+')) >= tonumber(ARGV[2]) then return 0 end
  if type(redis.pcall('XADD', KEYS[2], ARGV[2] .. '-*', 'p', ARGV[3])) == 'table' then
    local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
    redis.call('XADD', KEYS[2], string.match(last[1][1], '^%d+') .. '-*', 'p', ARGV[3])
  end
end
local isFirst = redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. '|' .. ARGV[3]) == 1
if isFirst or ARGV[4] ~= '' then
  if ARGV[4] ~= '' then redis.call('XTRIM', KEYS[2], 'MINID', '~', ARGV[4]) end
  redis.call('PEXPIRE', KEYS[1], ${KEEP_MS})
  redis.call('PEXPIRE', KEYS[2], ${KEEP_MS})
end
return 1`

/**
 * ARGV: user, the trail's oldest time, 1 where the last position may become
 * the latest, then ms and encoded Position of each, oldest first. Adds to the
 * trail what is not in it. 1 where the last position became the latest.
 */
export const STORE_BACKFILL = `
local last = 0
local tail = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
if tail[1] then last = tonumber(string.match(tail[1][1], '^%d+')) end
local seen
for i = 4, #ARGV, 2 do
  if tonumber(ARGV[i]) > last then
    redis.call('XADD', KEYS[2], ARGV[i] .. '-0', 'p', ARGV[i + 1])
    last = tonumber(ARGV[i])
    if seen then seen[ARGV[i + 1]] = true end
  else
    if not seen then
      seen = {}
      for _, entry in ipairs(redis.call('XRANGE', KEYS[2], ARGV[i], '+')) do seen[entry[2][2]] = true end
    end
    if not seen[ARGV[i + 1]] then
      redis.call('XADD', KEYS[2], string.format('%d', last) .. '-*', 'p', ARGV[i + 1])
      seen[ARGV[i + 1]] = true
    end
  end
end
redis.call('XTRIM', KEYS[2], 'MINID', '~', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ${KEEP_MS})
if ARGV[3] ~= '1' then return 0 end
local ms = ARGV[#ARGV - 1]
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held and tonumber(string.match(held, '^%d+')) >= tonumber(ms) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ms .. '|' .. ARGV[#ARGV])
redis.call('PEXPIRE', KEYS[1], ${KEEP_MS})
return 1`

export function scriptSha(script: string): string {
  return createHash('sha1').update(script).digest('hex')
}

export function latestKey(tripId: string): string {
  return `location:{${tripId}}`
}

export function trailKey(tripId: string): string {
  return `location_stream:{${tripId}}`
}

/** Geo set of active trips, members `trip:ID`. */
export const GEO_KEY = 'active_trips_geo'
/** Sorted set of active trips by when their driver was last heard. */
export const ACTIVITY_KEY = 'location_activity'

export function geoMember(tripId: string): string {
  return `trip:${tripId}`
}

export function tripOfMember(member: string): string {
  return member.slice('trip:'.length)
}

/** Web Mercator's end, beyond which Redis refuses a whole GEOADD. */
export const GEO_LAT_MAX = 85.05112878
