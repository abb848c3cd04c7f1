/** Programs that answer, that answer and stay, that end and that say nothing. */
import { expect, test } from 'vitest'
import { StartFailed } from './child.ts'
import { askForJson } from './json-answer.ts'

const STAY = 'setInterval(() => {}, 1000)'
const PATIENT_MS = 60_000

async function ask(script: string, limitMs = PATIENT_MS): Promise<unknown> {
  return await askForJson({ name: 'the tool', command: [process.execPath, '-e', script], limitMs })
}

/** Whether a process is there; signal 0 only looks. */
function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('an answer in pieces is taken when it is whole, and a program that stays after it is ended', async () => {
  const script = `process.stdout.write('{"inner": {"a": 1}\\n'); setTimeout(() => process.stdout.write(', "pid": ' + process.pid + '}\\n'), 50); ${STAY}`
  const answer = (await ask(script)) as { inner: object; pid: number }
  expect(answer.inner).toEqual({ a: 1 })
  expect(isRunning(answer.pid)).toBe(false)
})

test('a program that ends without an answer is quoted', async () => {
  const asked = ask('console.error("the disk is full"); process.exit(5)')
  await expect(asked).rejects.toThrow(StartFailed)
  await expect(asked).rejects.toThrow(/the tool ended \(exit code 5\) without an answer\n +the disk is full/)
})

test('a program that says nothing is ended at its limit', async () => {
  await expect(ask(STAY, 200)).rejects.toThrow('the tool did not answer within 0.2 s')
})

test('a program that is not there is named', async () => {
  const asked = askForJson({ name: 'the tool', command: ['/nowhere/tool'], limitMs: PATIENT_MS })
  await expect(asked).rejects.toThrow(/the tool cannot be run: .*ENOENT/)
})
