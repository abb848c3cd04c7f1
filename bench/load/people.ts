export interface Trip {
  readonly tripId: string
  /** Undefined where the system asks nobody who they are. */
  readonly driverToken: string | undefined
  readonly riderTokens: readonly string[]
}

/** Signs the load's drivers and riders in and creates their trips, over REST as HushRyd's backend does. */
export async function signInPeople(options: {
  edgeUrls: readonly string[]
  serviceKey: string
  trips: number
  /** How many riders the trip of this number has, from 0. */
  followersOf: (index: number) => number
  prefix: string
}): Promise<Trip[]> {
  const { edgeUrls, serviceKey, followersOf, prefix } = options
  let turn = 0
  async function request(method: string, path: string, body: unknown): Promise<{ token: string }> {
    const edge = edgeUrls[turn++ % edgeUrls.length]
    const response = await fetch(edge + path, {
      method,
      headers: { authorization: `Bearer ${serviceKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as { token: string }
  }
  const signIn = async (userId: string, role: string) =>
    (await request('POST', '/v1/sessions', { userId, role, deviceId: 'load' })).token

  const people: Trip[] = []
  let next = 0
  async function work(): Promise<void> {
    for (let index = next++; index < options.trips; index = next++) {
      const driverId = `${prefix}-d${index}`
      const riderIds = Array.from(
        { length: followersOf(index) },
        (_, rider) => `${prefix}-r${index}-${rider}`,
      )
      const tripId = `${prefix}-t${index}`
      await request('PUT', `/v1/trips/${tripId}`, { driverId, passengerIds: riderIds, status: 'ACTIVE' })
      people[index] = {
        tripId,
        driverToken: await signIn(driverId, 'driver'),
        riderTokens: await Promise.all(riderIds.map((riderId) => signIn(riderId, 'passenger'))),
      }
    }
  }
  await Promise.all(Array.from({ length: 16 }, work))
  return people
}
