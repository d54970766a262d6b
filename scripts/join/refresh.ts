/** Takes settings that were changed on another node into the settings file of this one, once a person has seen which. */
import { chown, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { isDeepStrictEqual } from 'node:util'
import { type Document, parse, parseDocument } from 'yaml'
import type { Program } from '#platform/nodes/bundle.ts'
import {
  type Difference,
  differencesOf,
  isTakenOver,
  schemaOf,
  settingText,
  settingValues,
} from '#platform/nodes/setting-values.ts'
import { printable } from '#platform/plain-text.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { type OtherNode, readOtherNodes } from './other-nodes-store.ts'
import { type NodeFile, readNode } from './read-node.ts'

type Wanted = {
  /** The settings file of this node. */
  configuration: string
  /** The node whose settings are taken. */
  from: string | undefined
  /** Settings of this machine that new ones need: `mail.passwordFile=/etc/concordat/secrets/mail`. */
  set: string[]
  /** A person has seen what differs. */
  yes: boolean
}

/** Exit code 0 when nothing differs or it was written, 3 when nobody agreed. Throws `conflict` for settings of which nothing was written. */
export async function refresh(wanted: Wanted): Promise<number> {
  const { configuration, set } = wanted
  const document = parseDocument(await textOf(configuration))
  const program: Program = document.has('server') ? 'security-server' : 'central-registry'
  const file = await readNode(program, configuration)
  const other = choose(await readOtherNodes(file), file, wanted.from)
  if (other === undefined) return say('No other node tells its settings.')
  const all = differencesWith(file, other)
  if (all.length === 0 && set.length === 0) return say(`The settings are those of ${other.name}.`)
  const taken = all.filter((one) => isTaken(one, file))
  const byHand = all.filter((one) => !taken.includes(one))
  say(`Settings of ${other.name}, as they are there since ${other.toldAt}, which this file has otherwise:`)
  for (const one of taken) say(lineOf(one))
  for (const one of byHand)
    say(`${lineOf(one)}   to be changed by hand, or by --set, since it is this machine's own in part`)
  for (const one of set) say(`  ${one}   by --set`)
  if (taken.length === 0 && set.length === 0) return 3
  if (!wanted.yes && !(await agrees())) {
    say('Nothing is changed.')
    return 3
  }
  await write(program, configuration, document, { schema: file.schema, taken, set })
  return say(`Written to ${configuration}. Restart this node, when the others are ready.`)
}

function say(line: string): 0 {
  process.stdout.write(`${printable(line)}\n`)
  return 0
}

/** Without `from` all that run have to say the same: which of two is right only a person knows. */
function choose(others: OtherNode[], file: NodeFile, from: string | undefined): OtherNode | undefined {
  if (from !== undefined) {
    const named = others.find(({ name }) => name === from)
    if (named !== undefined) return named
    throw new Fault('not_found', {
      what: `no node ${from} tells its settings; there are: ${others.map(({ name }) => name).join(', ')}`,
    })
  }
  const candidates = others.filter((one) => one.isLive && differencesWith(file, one).length > 0)
  const [first, ...more] = candidates
  if (first === undefined) return others.find((one) => one.isLive)
  if (more.every(({ values }) => isDeepStrictEqual(values, first.values))) return first
  throw new Fault('conflict', {
    what: `other nodes do not say the same: name the one with the right settings, --from ${candidates.map(({ name }) => name).join(' or ')}`,
  })
}

function differencesWith({ compared, schema, ofAMachine }: NodeFile, other: OtherNode): Difference[] {
  return differencesOf(settingValues(compared, { schema, ofAMachine }), other.values)
}

function isTaken(difference: Difference, { schema, combined }: NodeFile): boolean {
  return !combined.has(difference.name) && isTakenOver(difference, schemaOf(schema, difference.name))
}

function lineOf({ name, here, there }: Difference): string {
  return `  ${name}: ${settingText(here) ?? 'not set'} -> ${settingText(there) ?? 'not set'}`
}

/** Asks at the terminal, or reads a line of standard input. No answer is no. */
async function agrees(): Promise<boolean> {
  process.stderr.write('Write these to the file? yes or no: ')
  const lines = createInterface({ input: process.stdin })
  for await (const line of lines) {
    lines.close()
    return line.trim().toLowerCase() === 'yes'
  }
  process.stderr.write('\n')
  return false
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new Fault('io_error', { what: file, cause })
  }
}

/** Comments and order stay. The file is replaced only by one with which the program would start. */
async function write(
  program: Program,
  configuration: string,
  document: Document,
  q: { schema: object; taken: Difference[]; set: string[] },
): Promise<void> {
  for (const { name, there } of q.taken) change(document, name, there, q.schema)
  for (const one of q.set) {
    const at = one.indexOf('=')
    change(document, one.slice(0, at), parse(one.slice(at + 1)), q.schema)
  }
  const part = `${configuration}.part`
  const { mode, uid, gid } = await stat(configuration)
  await rm(part, { force: true })
  try {
    const handle = await open(part, 'wx', mode & 0o777)
    try {
      await handle.writeFile(document.toString())
      await handle.sync()
    } finally {
      await handle.close()
    }
    if (process.getuid?.() === 0) await chown(part, uid, gid)
    await readNode(program, part)
    await rename(part, configuration)
  } catch (thrown) {
    await rm(part, { force: true })
    throw new Fault('conflict', { what: `nothing was written: ${asFault(thrown).message}`, cause: thrown })
  }
}

/** A value that is the default here is no line of the file, as it is none of the other node's. */
function change(document: Document, name: string, value: unknown, schema: object): void {
  const keys = name.split('.')
  const isDefault = isDeepStrictEqual(value, schemaOf(schema, name)?.default)
  try {
    if (value !== undefined && !isDefault) document.setIn(keys, document.createNode(value))
    else if (document.hasIn(keys)) document.deleteIn(keys)
  } catch (cause) {
    throw new Fault('conflict', {
      what: `${name} stands in the file so that it has to be changed by hand`,
      cause,
    })
  }
}
