/** The program as it is, but for names of streams and subjects that tests do not share: `namespaced-main.ts PREFIX`. */
import { run } from '@hushryd/kernel/lifecycle.ts'
import { readSosConfig } from '../config.ts'
import { startSos } from '../service.ts'

await run((config) => startSos(config, { namespace: process.argv[2] ?? '' }), readSosConfig)
