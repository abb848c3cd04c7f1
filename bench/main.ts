/** `npm run bench -- NAME [flags]`: everything that measures time. */
import { runAdminBench } from './admin/run.ts'
import { runDocsBench } from './docs/run.ts'
import { runLoad } from './load/run.ts'
import { runLocationBench } from './location/run.ts'
import { runMaskcallBench } from './maskcall/run.ts'
import { runSocketsBench } from './sockets/run.ts'
import { runSosBench } from './sos/run.ts'

const BENCHES: Record<string, (args: string[]) => Promise<void>> = {
  admin: runAdminBench,
  docs: runDocsBench,
  load: runLoad,
  location: runLocationBench,
  maskcall: runMaskcallBench,
  sockets: runSocketsBench,
  sos: runSosBench,
}

const [name = '', ...args] = process.argv.slice(2)
const bench = BENCHES[name]
if (bench === undefined) {
  console.error(`usage: npm run bench -- ${Object.keys(BENCHES).join(' | ')} [flags]`)
  process.exit(2)
}
await bench(args)
