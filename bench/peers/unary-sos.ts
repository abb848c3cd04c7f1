/**
 * The plain way on our own stack: a gRPC server with one call an alert, in
 * which each of the stores is awaited: an insert, and a publish for the stream,
 * for the admin's event and for the contacts' messages, all at the same time.
 *
 * Arguments: NATS's address, MongoDB's. Says its port.
 */
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js'
import { TriggerSosRequest, TriggerSosResponse } from '@hushryd/gen/hushryd/sos/v1/sos.ts'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { MongoClient } from 'mongodb'
import {
  ALERTS,
  adminEventOf,
  contactsMessageOf,
  DATABASE,
  documentOf,
  type PlainAlert,
  type PlainDocument,
  prepareAlerts,
  TRIGGER_PATH,
} from './sos-work.ts'

const [natsUrl = '', mongoUrl = ''] = process.argv.slice(2)
const mongo = await MongoClient.connect(mongoUrl)
const db = mongo.db(DATABASE)
await prepareAlerts(db)
const alerts = db.collection<PlainDocument>(ALERTS)
const nats = await connect({ servers: natsUrl })
const manager = await jetstreamManager(nats)
for (const name of ['SOS', 'ADMIN', 'NOTIFY'])
  await manager.streams.add({ name, subjects: [`${name.toLowerCase()}.>`], storage: 'file' })
const stream = jetstream(nats)

async function raise(alert: PlainAlert): Promise<void> {
  const publish = (subject: string, content: unknown) =>
    stream.publish(subject, JSON.stringify(content), {
      msgID: `${subject}:${alert.alertId}`,
      timeout: 60_000,
    })
  await Promise.all([
    alerts.insertOne(documentOf(alert)),
    publish('sos.raised', alert),
    publish('admin.event.sos', adminEventOf(alert)),
    publish('notify.q.high.sms', contactsMessageOf(alert)),
  ])
}

function trigger(
  { request }: ServerUnaryCall<TriggerSosRequest, TriggerSosResponse>,
  answer: sendUnaryData<TriggerSosResponse>,
): void {
  const { alertId, tripId, location = { lat: 0, lng: 0, accuracy: 0 } } = request
  raise({ alertId, userId: `user-${alertId}`, tripId, location }).then(
    () => answer(null, TriggerSosResponse.fromPartial({ alertId, triggeredAt: Date.now() })),
    (error: unknown) => answer({ details: String(error) }),
  )
}

const server = new Server()
server.addService(
  {
    TriggerSos: {
      path: TRIGGER_PATH,
      requestStream: false,
      responseStream: false,
      requestSerialize: (request: TriggerSosRequest) =>
        Buffer.from(TriggerSosRequest.encode(request).finish()),
      requestDeserialize: (bytes: Buffer) => TriggerSosRequest.decode(bytes),
      responseSerialize: (response: TriggerSosResponse) =>
        Buffer.from(TriggerSosResponse.encode(response).finish()),
      responseDeserialize: (bytes: Buffer) => TriggerSosResponse.decode(bytes),
    },
  },
  { TriggerSos: trigger },
)
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error
  process.send?.({ ready: true, port })
})
process.on('disconnect', () => process.exit(0))
