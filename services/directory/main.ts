import { run } from '@hushryd/kernel/lifecycle.ts'
import { readDirectoryConfig } from './config.ts'
import { startDirectory } from './service.ts'

await run((config) => startDirectory(config), readDirectoryConfig)
