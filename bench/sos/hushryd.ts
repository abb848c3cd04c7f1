/**
 * This system, with one or more processes of sos: alerts go in as edges send
 * them, over lanes in batches. Nothing else of it runs during a burst but what
 * an alert needs, so that the figures are those of the same work as the others'.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type LegState, LegState as State } from '@hushryd/gen/hushryd/sos/v1/alert.ts'
import type { ConnectRequest, LaneResult, LaneTrigger } from '@hushryd/gen/hushryd/sos/v1/lane.ts'
import { SosServiceDefinition } from '@hushryd/gen/hushryd/sos/v1/sos.ts'
import { Outgoing } from '../../edge/outgoing.ts'
import { peerCredential } from '../../kernel/rpc/caller.ts'
import { createRpcClient, openRpcChannel } from '../../kernel/rpc/client.ts'
import { startSystem, type TestSystem } from '../../local/testing/start-system.ts'
import type { PlainAlert } from '../peers/sos-work.ts'
import type { SosSystem } from './system.ts'

/** Each with a lane to one process of sos, as the edges of a fleet have them. */
const EDGES = 2
/** Triggers a message, as the edge has it. */
const TRIGGERS_MAX = 500
/** The longest that the service takes: here an answer is to come when all is done, however long it takes. */
const ANSWER_MS = 5_000
const NEVER_MS = 86_400_000

export interface HushrydSystem extends SosSystem {
  readonly system: TestSystem
}

function problemOf({ error, legs }: LaneResult): string | undefined {
  if (error !== undefined) return error.message
  const isDone = (state: LegState | undefined): boolean => state === State.DONE || state === State.NONE
  const all = [legs?.stream, legs?.database, legs?.admin, legs?.contacts]
  return all.every(isDone) ? undefined : `not all done: ${JSON.stringify(legs)}`
}

export async function startHushryd(processes: number): Promise<HushrydSystem> {
  await using opened = new AsyncDisposableStack()
  const system = opened.use(
    await startSystem({
      edges: 1,
      copies: { sos: processes },
      programs: ['edge', 'notify', 'sos'],
      env: {
        LOG_LEVEL: 'warn',
        SOS_ANSWER_MS: String(ANSWER_MS),
        // Nobody takes the bench's alerts, and escalating all of them would be measured with the next burst.
        SOS_ESCALATE_AFTER_MS: String(NEVER_MS),
        NOTIFY_PROVIDER_RATE_MAX: '100000',
      },
    }),
  )
  const stopped = new AbortController()
  const addresses = system.grpcOf('sos')
  const lanes = Array.from({ length: EDGES }, (_, index) => {
    const channel = openRpcChannel({
      address: addresses[index % addresses.length] ?? '',
      peer: peerCredential('edge', system.plan.keys.peerKey),
    })
    opened.defer(() => channel.close())
    const client = createRpcClient(SosServiceDefinition, channel, { timeoutMs: ANSWER_MS })
    const lane = new Outgoing<ConnectRequest>()
    lane.push({ edgeId: `bench-${index}`, triggers: [] })
    async function listen(): Promise<void> {
      for await (const { results } of client.connect(lane, { signal: stopped.signal }))
        for (const result of results) onResult(result)
    }
    void listen().catch((error: unknown) => {
      if (!stopped.signal.aborted) throw error
    })
    return lane
  })
  opened.defer(() => stopped.abort())

  const idOf = new Map<number, string>()
  let lastRef = 0
  let nextLane = 0
  function onResult(result: LaneResult): void {
    const alertId = idOf.get(result.ref)
    if (alertId === undefined) return
    idOf.delete(result.ref)
    self.onDone(alertId, problemOf(result))
  }
  const names = processes === 1 ? ['sos'] : addresses.map((_, index) => `sos-${index + 1}`)
  const running = opened.move()
  const self: HushrydSystem = {
    name: `this system, ${processes} ${processes === 1 ? 'process' : 'processes'} of sos`,
    system,
    onDone: () => undefined,
    raise(alerts: readonly PlainAlert[]) {
      const receivedAt = Date.now()
      const triggers = alerts.map((alert): LaneTrigger => {
        lastRef += 1
        idOf.set(lastRef, alert.alertId)
        return { ref: lastRef, ...alert, role: 'passenger', bookingId: '', receivedAt }
      })
      for (let start = 0; start < triggers.length; start += TRIGGERS_MAX) {
        nextLane += 1
        lanes[nextLane % EDGES]?.push({ edgeId: '', triggers: triggers.slice(start, start + TRIGGERS_MAX) })
      }
    },
    pids: new Map([...names, 'nats', 'valkey', 'mongo'].map((name) => [name, system.process(name).pid ?? 0])),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
  return self
}

export interface ProviderCalls {
  readonly alerts: number
  /** SMS and WhatsApp together. */
  readonly messages: number
  readonly perSecond: number
  /** From the trigger to the last of them at its provider. */
  readonly tookMs: number
}

const POLL_MS = 20
const MESSAGES_MS_MAX = 120_000
const CHANNELS = 2

/** What follows the hand-over: notify's calls to the providers, for people with one contact each. */
export async function measureProviderCalls(
  { system, ...hushryd }: Pick<HushrydSystem, 'system' | 'raise'>,
  alerts: number,
): Promise<ProviderCalls> {
  const userId = 'bench-caller'
  const put = await fetch(`${system.edgeUrls[0]}/v1/users/${userId}/emergency-contacts`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${system.serviceKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ contacts: [{ name: 'Asha', phone: '+919812345678', relation: 'sister' }] }),
  })
  if (!put.ok) throw new Error(`the contacts: ${put.status} ${await put.text()}`)
  const [sandbox = ''] = system.httpOf('sandbox')
  const countMessages = async (): Promise<number> => {
    const { taken } = (await (await fetch(`${sandbox}/api/counts`)).json()) as {
      readonly taken: Readonly<Record<string, number>>
    }
    return Object.values(taken).reduce((sum, count) => sum + count, 0)
  }
  const startedMs = performance.now()
  hushryd.raise(
    Array.from({ length: alerts }, (_, index) => ({
      alertId: `bench-calls-${index}`,
      userId,
      tripId: 'trip-calls',
      location: { lat: 17.4, lng: 78.5, accuracy: 5 },
    })),
  )
  const messages = alerts * CHANNELS
  while ((await countMessages()) < messages) {
    if (performance.now() - startedMs > MESSAGES_MS_MAX)
      throw new Error(`${await countMessages()} of ${messages} messages reached a provider`)
    await sleep(POLL_MS)
  }
  const tookMs = performance.now() - startedMs
  return { alerts, messages, tookMs, perSecond: (messages * 1_000) / tookMs }
}

/** What an alert does not need until its messages are sent, and what only the set-up needed. */
export async function endBystanders({ system }: HushrydSystem): Promise<void> {
  for (const name of ['notify', 'edge-1', 'sandbox', 'location']) await system.process(name).kill('SIGTERM')
}
