/** What is handed over as one message is sent as single ones, each once. */
import { NotificationState } from '@hushryd/gen/hushryd/notify/v1/notify.ts'
import { QueuedBatch } from '@hushryd/gen/hushryd/notify/v1/queue.ts'
import { batchSubject, notificationId, sealAllVariables } from '@hushryd/kernel/queued-notification.ts'
import { readKeyRing } from '@hushryd/kernel/sealed-field.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { MongoClient } from 'mongodb'
import { expect, it } from 'vitest'
import { streamNames } from './streams.ts'
import { FakeProvider } from './testing/fake-provider.ts'
import { newKeyLine, startNode, testUrl } from './testing/notify-node.ts'
import { startPeople } from './testing/people.ts'

it('a batch of messages is taken apart: each has its own variables and is sent once, also when the batch comes again', async () => {
  const namespace = uniquePrefix()
  const mongoDb = `${namespace}notify`
  const keys = newKeyLine()
  await using people = await startPeople()
  const provider = new FakeProvider('twilio')
  const nats = await connect({ servers: testUrl('TEST_NATS_URL') })
  const mongo = new MongoClient(testUrl('TEST_MONGO_URL'))
  try {
    const indexes = [0, 1, 2]
    const phoneOf = (index: number): string => `+9198760000${String(index).padStart(2, '0')}`
    for (const index of indexes) people.add({ userId: `${namespace}-${index}`, phone: phoneOf(index) })
    await using node = await startNode({
      namespace,
      mongoDb,
      keys,
      directoryAddress: people.rpc.address,
      providers: [provider],
    })
    const notifications = indexes.map((index) => ({
      notificationId: notificationId('sos', `${namespace}-${index}`),
      userId: `${namespace}-${index}`,
      recipients: 'user',
      channels: ['sms'],
      template: 'ride_update',
      templateVersion: 1,
      sealedData: '',
      priority: 'high',
      reportTo: '',
      correlationId: '',
      acceptedAt: Date.now(),
      idempotencyKey: `${namespace}-${index}`,
    }))
    const variables = indexes.map((index) => ({ update: `Update ${index}.` }))
    const sealedData = sealAllVariables(readKeyRing(keys), variables)
    const batch = QueuedBatch.encode({ notifications, sealedData }).finish()
    for (let time = 0; time < 2; time += 1) await jetstream(nats).publish(batchSubject(namespace), batch)
    for (const { notificationId: id } of notifications) await node.untilState(id, NotificationState.SENT)
    const sent = provider.messages.map(({ to, text }) => [to, /Update \d/.exec(text)?.[0]])
    expect(sent.toSorted()).toEqual(indexes.map((index) => [phoneOf(index), `Update ${index}`]))
  } finally {
    await mongo.db(mongoDb).dropDatabase()
    await mongo.close()
    const manager = await jetstreamManager(nats)
    for (const stream of Object.values(streamNames(namespace))) await manager.streams.delete(stream)
    await nats.close()
  }
})
