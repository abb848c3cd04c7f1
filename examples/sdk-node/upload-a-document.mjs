// A driver sends in a licence; prints how far it is, and a link to it.
// npm start, then: npm run build --workspace sdk && node examples/sdk-node/upload-a-document.mjs licence.jpg
// HUSHRYD_SERVICE_KEY (printed by `npm start`) plays HushRyd's backend, which signs people in.
import { openAsBlob } from 'node:fs'
import { basename } from 'node:path'
import { createClient } from '@hushryd/sdk'

const [path = 'docs/live-map.png', endpoint = 'http://localhost:8080'] = process.argv.slice(2)

async function token() {
  const response = await fetch(`${endpoint}/v1/sessions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${process.env.HUSHRYD_SERVICE_KEY}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ userId: 'asha', role: 'driver', deviceId: 'example' }),
  })
  if (!response.ok) throw new Error(`signing in: ${response.status} ${await response.text()}`)
  return (await response.json()).token
}

// Nothing here is live, so it needs no connect().
const client = createClient({ endpoints: [endpoint], token })
try {
  const document = await client.uploadDocument({
    documentType: 'license',
    file: await openAsBlob(path),
    fileName: basename(path),
    onProgress: ({ step, ...more }) => console.log(step, JSON.stringify(more)),
  })
  console.log(document.documentId, 'is', document.state)
  console.log((await client.call.document.getDocumentUrl({ documentId: document.documentId })).url)
} catch (error) {
  console.error('refused:', error.reason, error.message)
  process.exitCode = 1
}
