/** The thread in which PDFs are read: one file at a time, which may bring it down. */
import { parentPort } from 'node:worker_threads'
import { judgePdf } from './content.ts'

const port = parentPort
if (port === null) throw new Error('this is no program of its own')
port.on('message', async (bytes: Uint8Array) => port.postMessage(await judgePdf(bytes)))
