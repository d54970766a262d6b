/** `concordat sandbox`: starts a whole instance on this machine, shows one exchange step by step, then runs until Ctrl-C. */
import path from 'node:path'
import { parseArgs, styleText } from 'node:util'
import { demonstrate, sayWhatNext } from './sandbox/demonstrate.ts'
import { describeInstance } from './sandbox/describe-instance.ts'
import { type Instance, type Progress, startInstance } from './sandbox/instance.ts'
import { layoutOf } from './sandbox/layout.ts'

const USAGE = `Usage: concordat sandbox [--once] [--directory DIR] [--fresh] [--network 127.0.1] [--instance DEV]
                         [--no-exchange] [--catalogue] [--no-installation] [--json]

Runs an instance: trust services, central registry, three security servers and the systems of three agencies.

  --once             end after the exchanges: exit code 0 when every step held
  --directory DIR    where its state lies (.sandbox); kept for the next start
  --fresh            begin anew
  --network A.B.C    the loopback network to listen on (127.0.1)
  --instance CODE    what it is called (DEV): two of them on two networks can be federated
  --no-exchange      show no exchange, only run
  --catalogue        let the registry ask providers what they offer also then
  --no-installation  leave the registry's installation ceremony to you: until then its first API key acts alone
  --json             print nothing but one line when all runs: an object with addresses, files and process ids
`

/** Exit code 0 when every step succeeded, 1 with the reason when one did not, 2 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  const options = readArguments(args)
  if (typeof options === 'string') {
    if (options === '') process.stdout.write(USAGE)
    else process.stderr.write(`${options}\n${USAGE}`)
    return options === '' ? 0 : 2
  }
  const began = performance.now()
  const layout = layoutOf(options.directory, options.network, options.instance)
  const stopped = untilStopped()
  const say = options.json ? () => undefined : sayAloud
  const progress = progressOn(say)
  say(`Concordat sandbox: instance ${layout.instance} in ${layout.directory}`)
  let instance: Instance | undefined
  try {
    instance = await startInstance({
      layout,
      progress,
      fresh: options.fresh,
      install: options.install,
      catalogue: options.catalogue,
      onExit: stopped.because,
    })
    say(`Everything runs after ${((performance.now() - began) / 1000).toFixed(1)} s.`)
    say('')
    if (options.exchange) await demonstrate(instance, say)
    sayWhatNext(instance, say)
    if (options.json) sayAloud(JSON.stringify(describeInstance(instance)))
    if (options.once) return 0
    say('')
    say('Running until Ctrl-C.')
    const why = await stopped.promise
    say(why === undefined ? '' : `${why}`)
    return why === undefined ? 0 : 1
  } catch (cause) {
    process.stderr.write(
      `The sandbox failed: ${(cause as Error).message}\nThe logs are in ${layout.directory}.\n`,
    )
    return 1
  } finally {
    await instance?.stop()
  }
}

type Options = {
  once: boolean
  fresh: boolean
  directory: string
  network: string
  instance: string
  exchange: boolean
  catalogue: boolean
  install: boolean
  json: boolean
}

/** The options, '' for help, or a text about what is wrong with the arguments. */
function readArguments(args: string[]): Options | string {
  try {
    const { values } = parseArgs({
      args,
      options: {
        once: { type: 'boolean', default: false },
        fresh: { type: 'boolean', default: false },
        directory: { type: 'string', default: '.sandbox' },
        network: { type: 'string', default: '127.0.1' },
        instance: { type: 'string', default: 'DEV' },
        'no-exchange': { type: 'boolean', default: false },
        catalogue: { type: 'boolean', default: false },
        'no-installation': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (values.help) return ''
    if (!/^127\.(?:25[0-5]|2[0-4]\d|1?\d?\d)\.(?:25[0-5]|2[0-4]\d|1?\d?\d)$/.test(values.network)) {
      return 'The network has to be on the loopback: 127.x.y.'
    }
    if (!/^[A-Za-z0-9-]{1,20}$/.test(values.instance))
      return 'The instance has to be 1 to 20 letters, digits or hyphens.'
    return {
      ...values,
      exchange: !values['no-exchange'],
      catalogue: values.catalogue || !values['no-exchange'],
      install: !values['no-installation'],
      directory: path.resolve(values.directory),
    }
  } catch (cause) {
    return (cause as Error).message
  }
}

function sayAloud(line: string): void {
  process.stdout.write(`${line}\n`)
}

function progressOn(say: (line: string) => void): Progress {
  return {
    begin(part) {
      const began = performance.now()
      return {
        done(what) {
          const seconds = ((performance.now() - began) / 1000).toFixed(1)
          say(
            `  ${styleText('green', 'ready')}  ${part}${what === undefined ? '' : `: ${what}`} (${seconds} s)`,
          )
        },
      }
    },
  }
}

/** Resolves on Ctrl-C or SIGTERM, or with the reason why a process ended by itself. */
function untilStopped(): { promise: Promise<string | undefined>; because(name: string, why: string): void } {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  process.once('SIGINT', () => resolve(undefined))
  process.once('SIGTERM', () => resolve(undefined))
  process.once('disconnect', () => resolve(undefined))
  return { promise, because: (name, why) => resolve(`${name} ended: ${why}`) }
}
