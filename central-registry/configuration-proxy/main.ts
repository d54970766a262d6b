/**
 * A configuration proxy as a process: concordat configuration-proxy --configuration file.yaml; with a word
 * before it, an act on this machine.
 */
import { parseArgs } from 'node:util'
import { systemClock } from '#platform/clock.ts'
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { requireLastingPlaces } from '#platform/nodes/lasting-places.ts'
import { printable } from '#platform/plain-text.ts'
import { type Running, runProcess } from '#platform/process/run-process.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { ACTS } from './acts.ts'
import { startProxy } from './proxy.ts'
import { checkProxySettings, type ProxySettings, settingsSchema } from './settings.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    configuration: { type: 'string' },
    name: { type: 'string' },
    algorithm: { type: 'string' },
    output: { type: 'string' },
    beside: { type: 'string', multiple: true },
  },
})
const clock = systemClock
const [act, word] = positionals

if (act === undefined) {
  const log = createLog({ name: 'configuration-proxy', level: 'info' })
  const start = async (): Promise<Running> => {
    const settings = await read()
    requireLastingPlaces([settings.directory], process.env)
    log.level = settings.logLevel
    return startProxy({ settings, pin: await readSecret(settings.pinFile), clock, log })
  }
  await runProcess({ name: 'configuration-proxy', log, start, heap: 'small' })
} else process.exitCode = await carryOut(act)

function read(): Promise<ProxySettings> {
  return readConfiguration<ProxySettings>(
    values.configuration ?? '',
    settingsSchema,
    process.env,
    'CONFIGURATION_PROXY',
    checkProxySettings,
  )
}

/** The exit code: 1 when the act failed, 2 for wrong words or settings. */
async function carryOut(name: string): Promise<number> {
  try {
    const run = Object.hasOwn(ACTS, name) ? ACTS[name] : undefined
    if (run === undefined)
      throw new Fault('invalid_input', { what: `there is no act ${name}: ${Object.keys(ACTS).join(', ')}` })
    const settings = await read()
    requireLastingPlaces([settings.directory], process.env)
    const print = (text: string): void => void process.stdout.write(text)
    await run({
      ...{ settings, pin: await readSecret(settings.pinFile), clock, word, options: values, print },
      user: process.geteuid?.(),
    })
    return 0
  } catch (thrown) {
    const { code, message } = asFault(thrown)
    if (code === 'internal_error') throw thrown
    process.stderr.write(`configuration-proxy: ${printable(message)}\n`)
    return code === 'invalid_configuration' || code === 'invalid_input' ? 2 : 1
  }
}
