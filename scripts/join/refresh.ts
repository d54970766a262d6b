/**
 * Takes settings that were changed on another node into the settings file of this one, once a person has seen
 * which.
 */
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { isDeepStrictEqual } from 'node:util'
import { type Document, isCollection, parse, parseDocument } from 'yaml'
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

/**
 * Exit code 0 when nothing differs or it was written, 3 when nobody agreed. Throws `conflict` for settings of
 * which nothing was written.
 */
export async function refresh(wanted: Wanted): Promise<number> {
  const { configuration, set } = wanted
  const text = await textOf(configuration)
  const document = parseDocument(text)
  const program: Program = document.has('server') ? 'security-server' : 'central-registry'
  const file = await readNode(program, configuration)
  const other = choose(await readOtherNodes(file), wanted.from)
  if (other === undefined) return say('No other node tells its settings.')
  const all = differencesWith(file, other)
  if (all.length === 0 && set.length === 0) return say(`The settings are those of ${other.name}.`)
  const taken = all.filter((one) => isTaken(one, file))
  const byHand = all.filter((one) => !taken.includes(one) && !taken.some(({ name }) => isIn(name, one.name)))
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
  await write({ program, configuration, text, document, schema: file.schema, other, taken, set })
  return say(`Written to ${configuration}. Restart this node, when the others are ready.`)
}

function say(line: string): 0 {
  process.stdout.write(`${printable(line)}\n`)
  return 0
}

/** Without `from` all that run have to say the same: which of two is right only a person knows. */
function choose(others: OtherNode[], from: string | undefined): OtherNode | undefined {
  const namesOf = (nodes: OtherNode[], by: string): string => nodes.map(({ name }) => name).join(by)
  if (from !== undefined) {
    const named = others.find(({ name }) => name === from)
    if (named !== undefined) return named
    throw new Fault('not_found', {
      what: `no node ${from} tells its settings; there are: ${namesOf(others, ', ')}`,
    })
  }
  const live = others.filter((one) => one.isLive)
  const [first, ...more] = live
  if (first === undefined) {
    if (others.length === 0) return undefined
    throw new Fault('conflict', {
      what: `no other node runs: name the one with the right settings, --from ${namesOf(others, ' or ')}`,
    })
  }
  if (more.every(({ values }) => differencesOf(values, first.values).length === 0)) return first
  throw new Fault('conflict', {
    what: `other nodes do not say the same: name the one with the right settings, --from ${namesOf(live, ' or ')}`,
  })
}

function isIn(name: string, section: string): boolean {
  return name.startsWith(`${section}.`)
}

function differencesWith({ compared, schema, ofAMachine, files }: NodeFile, other: OtherNode): Difference[] {
  return differencesOf(settingValues(compared, { schema, ofAMachine, files }), other.values)
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

type Change = {
  program: Program
  configuration: string
  /** The file as it was when the differences were shown. */
  text: string
  document: Document
  schema: object
  other: OtherNode
  taken: Difference[]
  set: string[]
}

/**
 * Comments and order stay. The file is replaced only by one with which the program would start, and which has
 * all that was taken.
 */
async function write(q: Change): Promise<void> {
  const { program, configuration, document, taken, other } = q
  for (const { name, there } of taken) change(q, name, there)
  for (const one of q.set) {
    const at = one.indexOf('=')
    change(q, one.slice(0, at), parse(one.slice(at + 1)))
  }
  const part = `${configuration}.part`
  const { mode, uid, gid } = await stat(configuration)
  await rm(part, { force: true })
  try {
    const handle = await open(part, 'wx', 0o600)
    try {
      await handle.writeFile(document.toString())
      // Not by its name, which whoever may write in the folder can give to another file.
      if (process.getuid?.() === 0) await handle.chown(uid, gid)
      await handle.chmod(mode & 0o777)
      await handle.sync()
    } finally {
      await handle.close()
    }
    const still = differencesWith(await readNode(program, part), other)
    const missed = still.filter(
      ({ name }) => taken.some((one) => one.name === name || isIn(one.name, name)) && !isSet(name, q.set),
    )
    if (missed.length > 0)
      throw new Fault('conflict', {
        what: `${missed.map(({ name }) => name).join(', ')} has to be changed by hand`,
      })
    if ((await textOf(configuration)) !== q.text)
      throw new Fault('conflict', { what: 'somebody has changed the file meanwhile' })
    await rename(part, configuration)
  } catch (thrown) {
    await rm(part, { force: true })
    throw new Fault('conflict', { what: `nothing was written: ${asFault(thrown).message}`, cause: thrown })
  }
}

/** Whether a person gave this setting, or what it is in, a value of their own. */
function isSet(name: string, set: string[]): boolean {
  const names = set.map((one) => one.slice(0, one.indexOf('=')))
  return names.some((one) => one === name || isIn(name, one) || isIn(one, name))
}

/**
 * A value that is the default here is no line of the file, as it is none of the other node's, unless its
 * section would not be there otherwise. A section of which nothing is left goes, if the other node has none.
 */
function change({ document, schema, other }: Change, name: string, value: unknown): void {
  const keys = name.split('.')
  const sections = keys.slice(1).map((_, at) => keys.slice(0, at + 1))
  const isOptional = (section: string[]): boolean =>
    schemaOf(schema, section.join('.'))?.default === undefined
  const isDefault = isDeepStrictEqual(value, schemaOf(schema, name)?.default)
  try {
    const makesSection = sections.some((section) => isOptional(section) && !document.hasIn(section))
    if (value !== undefined && (!isDefault || makesSection)) {
      // A new node would lose the comment behind the old value.
      const isPlain = typeof value !== 'object' || value === null
      document.setIn(keys, isPlain ? value : document.createNode(value))
      return
    }
    if (document.hasIn(keys)) document.deleteIn(keys)
    for (const section of value === undefined ? sections.reverse() : []) {
      const left = document.getIn(section)
      const isEmpty = isCollection(left) && left.items.length === 0
      if (isEmpty && isOptional(section) && other.values[section.join('.')] === undefined)
        document.deleteIn(section)
    }
  } catch (cause) {
    throw new Fault('conflict', {
      what: `${name} stands in the file so that it has to be changed by hand`,
      cause,
    })
  }
}
