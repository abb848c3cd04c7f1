import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openOnCall, parseOnCall } from './on-call.ts'

const person = { name: 'Duty', phone: '+919800000001', email: '', whatsapp: '', locale: 'en' }

it('is read with what may be left out left out', () => {
  expect(parseOnCall('[{"name":"Duty","phone":"+919800000001","locale":"en"}]')).toEqual([person])
})

it('names the place of what is wrong, and not what stands there', () => {
  const bad = (entry: object) => () => parseOnCall(JSON.stringify([person, entry]))
  expect(bad({ phone: '98000 00002' })).toThrow(/^phone of person 1 is not in E\.164$/)
  expect(bad({ name: 'x' })).toThrow(/^person 1 cannot be reached$/)
  expect(bad({ phone: 5 })).toThrow(/^phone of person 1 is no text$/)
  expect(() => parseOnCall('{}')).toThrow(/no list/)
})

it('is read anew each time, and a broken file leaves the last good list', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'on-call-'))
  const path = join(folder, 'list.json')
  const errors: unknown[] = []
  await writeFile(path, JSON.stringify([person]))
  const read = await openOnCall(path, (error) => void errors.push(error))
  await writeFile(path, JSON.stringify([person, { ...person, name: 'Second' }]))
  expect(await read()).toHaveLength(2)
  await writeFile(path, '[{')
  expect(await read()).toHaveLength(2)
  expect(errors).toHaveLength(1)
  await rm(folder, { recursive: true })
})

it('is empty where no file is named, and has to be good at the start', async () => {
  expect(await (await openOnCall(undefined, () => undefined))()).toEqual([])
  await expect(openOnCall('/nowhere/list.json', () => undefined)).rejects.toThrow(/ENOENT/)
})
