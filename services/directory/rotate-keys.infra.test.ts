/**
 * Invariant: after a rotation everything is under the newest key, opens as
 * before, and no version has risen. Method: real documents under one key,
 * rotated under a ring of two, then read by a node that has only the newer.
 */
import { createLog } from '@hushryd/kernel/log.ts'
import { readKeyRing } from '@hushryd/kernel/sealed-field.ts'
import { testUrl } from '@hushryd/kernel/testing/store-urls.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ContactsDocument, contactsShape } from './contacts-store.ts'
import { rotateKeys } from './rotate-keys.ts'
import { asBackend, asUser, newKeyLine, startNode } from './testing/directory-node.ts'
import { type UserDocument, usersShape } from './user-store.ts'

const prefix = uniquePrefix()
const mongoDb = `${prefix}rotation`
const [old, newest, lost] = [newKeyLine('k1'), newKeyLine('k2'), newKeyLine('k0')]
const log = createLog({ name: 'test', sink: { write: () => undefined } })
let mongo: MongoClient

beforeAll(() => {
  mongo = new MongoClient(testUrl('TEST_MONGO_URL'))
})

afterAll(async () => {
  await mongo.db(mongoDb).dropDatabase()
  await mongo.close()
})

function rotate(keys: string, signal?: AbortSignal) {
  return rotateKeys({
    ring: readKeyRing(keys),
    users: mongo.db(mongoDb).collection<UserDocument>(usersShape.name),
    contacts: mongo.db(mongoDb).collection<ContactsDocument>(contactsShape.name),
    log,
    ...(signal === undefined ? {} : { signal }),
  })
}

async function store(keys: string, ids: readonly string[]): Promise<void> {
  await using node = await startNode({ mongoDb, keys })
  for (const userId of ids) {
    await node.as('edge').putUser({ userId, name: `name of ${userId}`, phone: '9876543210' }, asBackend)
    const contacts = [{ name: `friend of ${userId}`, phone: '9876543211' }]
    await node.as('edge').putEmergencyContacts({ userId, contacts }, asUser(userId))
  }
}

it('seals everything under the newest key, passes what it cannot open, and has nothing left to do', async () => {
  const ids = Array.from({ length: 5 }, (_, index) => `${prefix}u${index}`)
  const stray = `${prefix}stray`
  await store(old, ids)
  await store(lost, [stray])
  const ring = `${newest}\n${old}`

  const stopped = AbortSignal.abort()
  expect(await rotate(ring, stopped)).toEqual({ resealed: 0, unreadable: 0 })
  expect(await rotate(ring)).toEqual({ resealed: 2 * ids.length, unreadable: 2 })
  expect(await rotate(ring)).toEqual({ resealed: 0, unreadable: 2 })

  await using node = await startNode({ mongoDb, keys: newest })
  for (const userId of ids) {
    expect(await node.as('notify').getUser({ userId })).toMatchObject({
      name: `name of ${userId}`,
      phone: '+919876543210',
      version: 1,
    })
    const { contacts, version } = await node.as('sos').getEmergencyContacts({ userId })
    expect(contacts).toMatchObject([{ name: `friend of ${userId}`, phone: '+919876543211' }])
    expect(version).toBe(1)
  }
  // What no key opens any more can still be replaced.
  await node.as('edge').putUser({ userId: stray, name: 'again' }, asBackend)
  expect(await node.as('notify').getUser({ userId: stray })).toMatchObject({ name: 'again', version: 2 })
})
