/** HushRyd's own backend, as far as the demo plays it: people, trips and sign-ins over REST with the service key. */
export interface Backend {
  signIn(userId: string, role: 'driver' | 'passenger' | 'admin'): Promise<string>
  putUser(userId: string, name: string): Promise<void>
  putContacts(userId: string, contacts: readonly object[]): Promise<void>
  putTrip(tripId: string, trip: { driverId: string; passengerIds: string[]; status: string }): Promise<void>
}

/** Tries while the system is still starting or a part of it is away; then the error is the caller's. */
const ATTEMPTS_MAX = 20
const ATTEMPT_WAIT_MS = 500

export function openBackend(edgeUrl: string, serviceKey: string): Backend {
  async function request(method: string, path: string, body: unknown): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      const problem = await send(method, path, body)
      if (!('failure' in problem)) return problem.answer
      if (!problem.again || attempt === ATTEMPTS_MAX) {
        throw new Error(`${method} ${path} at ${edgeUrl}: ${problem.failure}`)
      }
      await new Promise((resolve) => setTimeout(resolve, ATTEMPT_WAIT_MS))
    }
  }

  async function send(
    method: string,
    path: string,
    body: unknown,
  ): Promise<{ answer: unknown } | { failure: string; again: boolean }> {
    try {
      const response = await fetch(edgeUrl + path, {
        method,
        headers: { authorization: `Bearer ${serviceKey}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(5_000),
      })
      const text = await response.text()
      if (response.ok) return { answer: JSON.parse(text) }
      return { failure: `${response.status} ${text.slice(0, 300)}`, again: response.status >= 429 }
    } catch (error) {
      return { failure: String(error), again: true }
    }
  }

  return {
    async signIn(userId, role) {
      const answer = (await request('POST', '/v1/sessions', { userId, role, deviceId: 'demo' })) as {
        token: string
      }
      return answer.token
    },
    async putUser(userId, name) {
      await request('PUT', `/v1/users/${userId}`, { name, locale: 'en-IN' })
    },
    async putContacts(userId, contacts) {
      await request('PUT', `/v1/users/${userId}/emergency-contacts`, { contacts })
    },
    async putTrip(tripId, trip) {
      await request('PUT', `/v1/trips/${tripId}`, trip)
    },
  }
}
