/** The command that checks audit trails, as it is run, on a database in which someone has meddled. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { testUrl } from '@hushryd/kernel/testing/store-urls.ts'
import { expect, it } from 'vitest'
import { SosNode, World } from './testing/sos-node.ts'

function verify(world: World): Promise<{ readonly status: number; readonly output: string }> {
  const env = { PATH: process.env.PATH, MONGO_URL: testUrl('TEST_MONGO_URL'), MONGO_DB: world.prefix }
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(import.meta.dirname, 'verify-audit-main.ts')],
      { env },
      (error, output) => resolve({ status: Number(error?.code ?? 0), output }),
    )
  })
}

it('finds an entry that was changed and one that was cut off, and names the alerts', async () => {
  await using world = await World.start()
  await using node = await SosNode.start(world)
  const [changed, cut, whole] = [world.id(), world.id(), world.id()]
  for (const alertId of [changed, cut, whole]) await node.trigger(world.id('ravi'), { alertId })
  expect(await verify(world)).toEqual({ status: 0, output: '3 alerts, 0 with a broken audit trail\n' })
  await world.alerts.updateOne({ _id: changed as never }, { $set: { 'audit.0.note': 'nothing happened' } })
  await world.alerts.updateOne({ _id: cut as never }, { $set: { version: 2 } })
  const { status, output } = await verify(world)
  expect(status).toBe(1)
  expect(output).toContain(`broken: ${changed}, entry 1`)
  expect(output).toContain(`broken: ${cut}, entry 2`)
  expect(output).not.toContain(whole)
})
