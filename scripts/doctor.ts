/**
 * `concordat doctor`: looks whether this machine is fit for a server, before its start or while it runs. Each
 * line says that something is well, or what to do next. Changes nothing.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs, styleText } from 'node:util'
import { parseAnchor } from '#core/configuration/anchor.ts'
import { printable } from '#platform/plain-text.ts'
import { asFault } from '#schemas/fault.ts'
import { lookAtHealth } from './doctor/client.ts'
import { lookAtClock } from './doctor/clock.ts'
import { lookAtDisk } from './doctor/disk.ts'
import { lookAtFiles, lookAtFolder } from './doctor/files.ts'
import { type Finding, toDo, well } from './doctor/finding.ts'
import { databasesIn, lookAtDatabase } from './doctor/look-store.ts'
import { lookAtMachine } from './doctor/machine.ts'
import { lookAtNames, lookAtPort } from './doctor/network.ts'
import { lookAtNewPin } from './doctor/new-pin.ts'
import { KINDS, portsIn, readSettings, type Setting, textsIn } from './doctor/settings.ts'
import { lookAtWorkers } from './doctor/workers.ts'

const USAGE = `Usage: concordat doctor [--time-source HOST] [--json]
       concordat doctor <security-server, central-registry or configuration-proxy> --configuration file.yaml
                        [--running] [--time-source HOST] [--json]

Looks whether this machine is fit for a server: Node, memory, open files and the clock; with settings also these, the modes of secret
files, the ends of certificates, room and speed of the disk, ports, names and databases. Call it as the user of the server. It
changes nothing, but for a file of 200 KB for a moment, by which it measures the disk.

  --configuration  the settings of the server
  --running        the server runs: its ports have to be held, and it is asked whether it is ready
  --time-source    a server of NTP, to compare the clock with; otherwise the source of the configuration is asked, once there is an anchor
  --json           a list of findings instead of lines

Exit code 0 when all is well, 1 when something is to do, 2 for wrong usage.
`

type Values = { configuration?: string; 'time-source'?: string; running?: boolean; json?: boolean }

/** Never throws for what users can correct. */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      configuration: { type: 'string' },
      'time-source': { type: 'string' },
      running: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) {
    process.stdout.write(USAGE)
    return 0
  }
  const [kind, ...more] = positionals
  const isKnown = kind === undefined || Object.hasOwn(KINDS, kind)
  if (!isKnown || more.length > 0 || (kind === undefined) !== (values.configuration === undefined)) {
    process.stderr.write(USAGE)
    return 2
  }
  const findings = await look(kind, values)
  process.stdout.write(
    values.json === true ? `${JSON.stringify(findings, undefined, 2)}\n` : findings.map(lineOf).join(''),
  )
  return findings.some((one) => one.well === false) ? 1 : 0
}

async function look(kind: string | undefined, values: Values): Promise<Finding[]> {
  const machine = await lookAtMachine()
  const source = values['time-source']
  if (kind === undefined || values.configuration === undefined)
    return [...machine, await lookAtClock({ source })]
  let settings: object
  try {
    settings = await readSettings(KINDS[kind]!, values.configuration, process.env)
  } catch (thrown) {
    const { what, message } = asFault(thrown)
    const wrong = toDo(
      'settings',
      String(what ?? message),
      'correct the file: docs/configuration.md explains each setting',
    )
    return [...machine, await lookAtClock({ source }), wrong]
  }
  const texts = textsIn(settings)
  const folder = texts.find(({ name }) => name === 'directory')!
  const databases = databasesIn(texts)
  const anchors = await lookAtAnchors(texts)
  const url = source === undefined ? await sourceOf(kind, folder.value, texts) : undefined
  const parts = await Promise.all([
    lookAtClock({ source, url }),
    lookAtFiles(texts),
    lookAtNewPin(settings),
    lookAtFolder(folder),
    lookAtDisk(folder, false),
    ...databases.map((database) => lookAtDatabase(kind, database)),
    ...portsIn(settings).map((port) => lookAtPort(port, values.running === true)),
    lookAtNames(texts),
    values.running === true ? lookAtHealth(settings) : [],
  ])
  return [
    ...machine,
    well('settings', values.configuration),
    ...anchors,
    ...lookAtWorkers(settings),
    ...parts.flat(),
  ]
}

/** Anchors that settings name. One that is missing is among the files. */
async function lookAtAnchors(texts: Setting[]): Promise<Finding[]> {
  const named = texts.filter(({ name }) => /anchorFile$/.test(name))
  const looked = await Promise.all(
    named.map(async ({ name, value }): Promise<Finding[]> => {
      const bytes = await readFile(value).catch(() => undefined)
      if (bytes === undefined) return []
      try {
        const { instance } = await parseAnchor(bytes)
        return [well(`${name}, content`, `an anchor of ${instance}`)]
      } catch {
        const todo = 'get the anchor from the registry again, and compare its hash'
        return [toDo(`${name}, content`, 'no configuration anchor', todo)]
      }
    }),
  )
  return looked.flat()
}

/** Where the configuration comes from, by the anchor that is installed or named. */
async function sourceOf(kind: string, folder: string, texts: Setting[]): Promise<string | undefined> {
  const files: Record<string, string | undefined> = {
    'security-server': path.join(folder, 'configuration/anchor.xml'),
    'configuration-proxy': texts.find(({ name }) => name === 'instances.0.anchorFile')?.value,
  }
  const file = files[kind]
  try {
    return file === undefined ? undefined : (await parseAnchor(await readFile(file))).sources[0]?.downloadUrl
  } catch {
    // Before the anchor is there, and for a file that is none, which the server itself reports.
    return undefined
  }
}

function lineOf({ name, well: isWell, found, todo }: Finding): string {
  const word = isWell === undefined ? '-' : isWell ? 'ok' : 'to do'
  const style = isWell === undefined ? 'dim' : isWell ? 'green' : 'red'
  const next = todo === undefined ? '' : `\n${''.padEnd(8)}${printable(todo)}`
  return `${styleText(style, word.padEnd(8))}${printable(name)}: ${printable(found)}${next}\n`
}
