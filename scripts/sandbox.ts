/**
 * `concordat sandbox`: starts a whole instance on this machine, shows one exchange step by step, then runs
 * until Ctrl-C.
 */
import path from 'node:path'
import { parseArgs } from 'node:util'
import { askOnce, demonstrate, sayWhatNext } from './sandbox/demonstrate.ts'
import { describeInstance } from './sandbox/describe-instance.ts'
import { type Holder, holdFolder } from './sandbox/hold-folder.ts'
import { startInstance } from './sandbox/instance.ts'
import { type Layout, layoutOf } from './sandbox/layout.ts'
import { takenPlaces } from './sandbox/ports.ts'
import { progressInLines, progressOn } from './sandbox/progress.ts'
import type { Instance } from './sandbox/running.ts'
import { settle } from './sandbox/settle.ts'
import { type Kind, keptIn } from './sandbox/version.ts'

const USAGE = `Usage: concordat sandbox [--once] [--living [--days 92] | --lean] [--directory DIR] [--fresh] [--network 127.0.1] [--instance DEV]
                         [--no-exchange] [--catalogue] [--no-installation] [--json]

Runs an instance: trust services, central registry, and the security servers and systems of four agencies that have worked together for
three months: that past is made on the first start. A lean one has three agencies and no past.

  --once             end after the exchanges: exit code 0 when every step held; makes a lean one if there is none
  --living, --lean   make the one or the other, whatever the other options say
  --days N           how long the past is that a living one gets (92; at least 12, at most 365)
  --directory DIR    where its state lies (.sandbox); kept for the next start
  --fresh            delete what is there and begin anew
  --network A.B.C    the loopback network to listen on (127.0.1)
  --instance CODE    what it is called (DEV): two of them on two networks can be federated
  --no-exchange      show no exchange, only run; makes a lean one if there is none
  --catalogue        let the registry ask providers what they offer also then
  --no-installation  leave the registry's installation ceremony to you: until then its first API key acts alone; makes a lean one
  --json             print nothing but one line when all runs: an object with addresses, files and process ids. How far the start is goes to the
                     error stream, line by line
`

/** Exit code 0 when every step succeeded, 1 with the reason when one did not, 2 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  const options = readArguments(args)
  if (typeof options === 'string') {
    if (options === '') process.stdout.write(USAGE)
    else process.stderr.write(`${options}\n${USAGE}`)
    return options === '' ? 0 : 2
  }
  const held = holdFolder(options.directory, options)
  if ('heldBy' in held) return sayThatItRuns(options, held.heldBy)
  try {
    return await runHeld(options)
  } catch (cause) {
    process.stderr.write(`The sandbox failed: ${(cause as Error).message}\n`)
    return 1
  } finally {
    held.release()
  }
}

async function runHeld(options: Options): Promise<number> {
  const began = performance.now()
  const say = options.json ? () => undefined : sayAloud
  const most = keptIn(options.directory)?.kind === 'living' ? 'living' : options.kind
  const places = await takenPlaces(layoutFor(options, most))
  if (places.length > 0)
    throw new Error(`${places.join('\n')}\nEnd that program, or use another network: --network 127.0.2`)
  const { isNew, kind, notes } = settle(options)
  const layout = layoutFor(options, kind)
  const stopped = untilStopped()
  say(`Concordat sandbox: instance ${layout.instance} in ${layout.directory}`)
  for (const note of notes) say(note)
  if (isNew && kind === 'living')
    say(`Its first start makes the ${options.pastDays} days of its past, which takes two or three minutes.`)
  const told = progressOn(say, began)
  const progress = options.json ? progressInLines((line) => process.stderr.write(`${line}\n`)) : told
  let instance: Instance | undefined
  let isStarting = true
  const giveUp = new AbortController()
  void stopped.promise.then(() => isStarting && giveUp.abort())
  try {
    instance = await startInstance({
      ...{ layout, progress, isNew, kind },
      pastDays: options.pastDays,
      ...{ install: options.install, catalogue: options.catalogue, onExit: stopped.because },
      signal: giveUp.signal,
    })
    const longest = told.longest()
    const most = longest === undefined ? '' : ` What took longest: ${longest.part}, ${longest.time}.`
    say(`Everything runs after ${((performance.now() - began) / 1000).toFixed(1)} s.${most}`)
    say('')
    if (options.exchange && (isNew || options.once)) await demonstrate(instance, say)
    // Whoever signs in at the portal is to find that somebody has just asked.
    else if (options.exchange)
      await askOnce(instance, say).catch((cause: unknown) => say(`  ${(cause as Error).message}`))
    sayWhatNext(instance, say)
    if (options.json) sayAloud(JSON.stringify(describeInstance(instance)))
    if (options.once) return 0
    isStarting = false
    say('')
    say('Running until Ctrl-C.')
    const why = await stopped.promise
    say(why === undefined ? '' : `${why}`)
    return why === undefined ? 0 : 1
  } catch (cause) {
    const why = giveUp.signal.aborted ? await stopped.promise : (cause as Error).message
    if (why === undefined) {
      const anew = keptIn(options.directory)?.isFinished === true ? '' : ' The next start makes it anew.'
      process.stderr.write(`Ended before all of it ran.${anew}\n`)
      return 1
    }
    throw new Error(`${why}\nThe logs are in ${layout.directory}.`)
  } finally {
    await instance?.stop()
  }
}

function layoutFor({ directory, network, instance, pastDays }: Options, kind: Kind): Layout {
  return layoutOf(directory, network, instance, kind === 'living' ? pastDays : undefined)
}

/**
 * Another process has the folder: its addresses, if it has got so far. They are those of its network,
 * whatever this start asks for.
 */
function sayThatItRuns(options: Options, { process: id, place }: Holder): number {
  process.stderr.write(
    `A sandbox runs in ${options.directory} already: process ${id}. End it there with Ctrl-C.\n`,
  )
  const kept = keptIn(options.directory)
  if (kept?.isFinished !== true) process.stderr.write('It is still being made.\n')
  else if (!options.json && place !== undefined)
    sayWhatNext({ layout: layoutFor({ ...options, ...place }, kept.kind), installed: true }, sayAloud)
  return 1
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
  kind: Kind
  pastDays: number
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
        living: { type: 'boolean', default: false },
        lean: { type: 'boolean', default: false },
        days: { type: 'string', default: '92' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (values.help) return ''
    if (!/^127\.(?:25[0-5]|2[0-4]\d|1?\d?\d)\.(?:25[0-5]|2[0-4]\d|1?\d?\d)$/.test(values.network)) {
      return 'The network has to be on the loopback: 127.x.y.'
    }
    if (!/^[A-Za-z0-9-]{1,20}$/.test(values.instance))
      return 'The instance has to be 1 to 20 letters, digits or hyphens.'
    if (values.living && (values.lean || values['no-installation']))
      return '--living goes neither with --lean nor with --no-installation.'
    const pastDays = /^\d{1,3}$/.test(values.days) ? Number(values.days) : 0
    if (pastDays < 12 || pastDays > 365) return 'The past of a sandbox has 12 to 365 days.'
    const isLean = values.lean || values.once || values['no-exchange'] || values['no-installation']
    return {
      ...values,
      pastDays,
      kind: values.living || !isLean ? 'living' : 'lean',
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

/** Resolves on Ctrl-C or SIGTERM, or with the reason why a process ended by itself. */
function untilStopped(): { promise: Promise<string | undefined>; because(name: string, why: string): void } {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  process.once('SIGINT', () => resolve(undefined))
  process.once('SIGTERM', () => resolve(undefined))
  process.once('disconnect', () => resolve(undefined))
  return { promise, because: (name, why) => resolve(`${name} ended: ${why}`) }
}
