/** What alerts need beside a trip: people with contacts, operations, what the providers got, how they misbehave. */
import type { App, Frame } from '@hushryd/edge/testing/app.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import type { TestSystem } from '@hushryd/local/testing/start-system.ts'
import { type Document, MongoClient } from 'mongodb'
import { openOn } from './trip.ts'

export interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

/** By REST; without a token as HushRyd's backend. */
export async function rest(
  system: TestSystem,
  request: {
    readonly method?: string
    readonly path: string
    readonly token?: string
    readonly body?: unknown
    readonly edge?: number
  },
): Promise<Answer> {
  const { method = 'GET', path, token = system.serviceKey, body, edge = 0 } = request
  const response = await fetch(`${system.edgeUrls[edge]}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

/** After a test that took a store away, the first calls may still be refused: a backend tries again. */
const TRIES_MAX = 40
const TRY_AGAIN_MS = 500

export async function ask(system: TestSystem, request: Parameters<typeof rest>[1]): Promise<Answer['body']> {
  let answer = await rest(system, request)
  for (let tries = 1; answer.status === 503 && tries < TRIES_MAX; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS))
    answer = await rest(system, request)
  }
  const { status, body } = answer
  if (status !== 200) throw new Error(`${request.method} ${request.path}: ${status} ${JSON.stringify(body)}`)
  return body
}

export async function signIn(system: TestSystem, userId: string, role: string): Promise<string> {
  const body = { userId, role, deviceId: 'phone' }
  const { token } = await ask(system, { method: 'POST', path: '/v1/sessions', body })
  return String(token)
}

export interface Contact {
  readonly name: string
  readonly phone: string
  readonly voiceCall?: boolean
}

export async function putPerson(
  system: TestSystem,
  person: {
    readonly userId: string
    readonly name?: string
    readonly locale?: string
    readonly contacts: readonly Contact[]
  },
): Promise<void> {
  const { userId, name = 'Asha', locale = 'en-IN', contacts } = person
  await ask(system, { method: 'PUT', path: `/v1/users/${userId}`, body: { name, locale } })
  const path = `/v1/users/${userId}/emergency-contacts`
  await ask(system, { method: 'PUT', path, body: { contacts } })
}

export interface Message {
  readonly id: string
  readonly provider: string
  readonly channel: string
  readonly to: string
  readonly body: string
}

function sandboxUrl(system: TestSystem): string {
  return system.httpOf('sandbox')[0] ?? ''
}

/** What the providers took, oldest first. */
export async function messagesOf(
  system: TestSystem,
  filter: Readonly<Record<string, string>> = {},
): Promise<readonly Message[]> {
  const response = await fetch(`${sandboxUrl(system)}/api/messages?${new URLSearchParams(filter)}`)
  return (await response.json()) as Message[]
}

export async function messageTo(system: TestSystem, to: string, channel: string): Promise<Message> {
  return await until(async () => (await messagesOf(system, { to, channel }))[0], {
    timeoutMs: 30_000,
    what: `a message by ${channel}`,
  })
}

export interface PhoneCall {
  readonly legs: readonly { readonly from: string; readonly to: string }[]
  /** What was said in it. */
  readonly heard: string
}

/** A call to the number in which something was said. */
export async function callTo(system: TestSystem, number: string): Promise<PhoneCall> {
  return await until(
    async () => {
      const response = await fetch(`${sandboxUrl(system)}/api/calls?${new URLSearchParams({ number })}`)
      return ((await response.json()) as PhoneCall[]).find(({ heard }) => heard !== '')
    },
    { timeoutMs: 30_000, what: 'a call' },
  )
}

export async function setFault(
  system: TestSystem,
  fault: { readonly provider: string; readonly mode: string; readonly code?: string },
): Promise<void> {
  const body = JSON.stringify(fault)
  const response = await fetch(`${sandboxUrl(system)}/api/faults`, { method: 'PUT', body })
  if (!response.ok) throw new Error(`the fault: ${response.status} ${await response.text()}`)
}

export interface Legs {
  readonly stream: string
  readonly database: string
  readonly admin: string
  readonly contacts: string
}

export const ALL_DONE: Legs = { stream: 'DONE', database: 'DONE', admin: 'DONE', contacts: 'DONE' }

export interface Triggered {
  readonly alertId: string
  readonly status: string
  readonly legs: Legs
}

export const SOS = 'hushryd.sos.v1.SosService'

/** A unary call over the socket; the answer's `result`. */
export async function call(app: App, method: string, request: object): Promise<Frame> {
  const id = `call-${Math.random()}`
  app.send({ id, call: { method, request, timeoutMs: 10_000 } })
  const answer = await app.next((frame) => frame.id === id, 15_000)
  if (answer.result === undefined) throw new Error(`${method} failed: ${JSON.stringify(answer)}`)
  return answer.result as Frame
}

/** Raises an alert over the socket. */
export async function trigger(app: App, request: object): Promise<Triggered> {
  // The public contract of the answer.
  return (await call(app, `${SOS}/TriggerSos`, request)) as unknown as Triggered
}

export async function triggerByRest(
  system: TestSystem,
  token: string,
  request: object,
  edge = 0,
): Promise<Triggered> {
  const answer = await ask(system, { method: 'POST', path: '/v1/sos', token, body: request, edge })
  return answer as unknown as Triggered
}

/** The next event of a type about an alert. */
export async function eventOf(app: App, type: string, alertId: string): Promise<Record<string, unknown>> {
  const frame = await app.next(({ event }) => {
    const about = event as
      | { readonly type?: string; readonly data?: { readonly alertId?: string } }
      | undefined
    return about?.type === type && about.data?.alertId === alertId
  }, 30_000)
  return (frame.event as { readonly data: Record<string, unknown> }).data
}

export async function openAdmin(system: TestSystem, edge = 1): Promise<App & { readonly token: string }> {
  const token = await signIn(system, 'meera', 'admin')
  return Object.assign(await openOn(system, edge, token), { token })
}

/** As the database has it, for what no interface shows. */
export async function withDatabase<T>(
  system: TestSystem,
  work: (alerts: ReturnType<ReturnType<MongoClient['db']>['collection']>) => Promise<T>,
  collection = 'sos_alerts',
): Promise<T> {
  const { mongoUrl, mongoDb } = system.plan.stores
  await using client = await MongoClient.connect(mongoUrl)
  return await work(client.db(mongoDb).collection<Document>(collection))
}
