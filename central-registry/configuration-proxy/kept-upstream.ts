/**
 * The last accepted configuration of an instance on disk: its signed documents as they came, the contents of
 * its parts by their hashes, and how new it was. After a restart it is judged again, so that a proxy goes on
 * while the source is away.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { type HighWaterMark, listMark } from '#core/configuration/high-water.ts'
import { headOf, type LogEntry, type SignedHead } from '#core/configuration/log-head.ts'
import { verifySuspensionList } from '#core/configuration/suspension-list.ts'
import {
  certificatesOf,
  documentCertificatesFor,
  type Location,
  learnedUnder,
} from '#platform/configuration-documents/candidates.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { ConfigurationAnchor, SuspensionList } from '#schemas/global-configuration.ts'
import { writeDurably } from '../configuration/durable-file.ts'
import { checkHash } from '../configuration/other-instances/read-source.ts'
import { contentName } from './fetch-upstream.ts'
import { areOfOnePublication, judgeVersion, type Version } from './judge-upstream.ts'

export type Kept = {
  /** The newest first. */
  versions: Version[]
  logHead: SignedHead | undefined
  leaf: LogEntry | undefined
  /** DER of the certificates that the shared parameters announce as the instance's. */
  learned: Buffer[]
}

export type KeptList = { text: string; list: SuspensionList }

/** What must never go back, whatever else was lost or refused. */
type Restored = {
  mark: HighWaterMark | undefined
  learned: Buffer[]
  kept: Kept | undefined
  list: KeptList | undefined
}

type Stored = {
  format: 1
  anchorHash: string
  mark?: HighWaterMark
  learned: string[]
  leaf?: LogEntry
  list?: string
  versions: { version: number; directory: string; statement?: string }[]
}

const FILE = 'accepted.json'

export function partFile(folder: string, name: string): string {
  return path.join(folder, 'parts', name)
}

/** Replaces what is on disk; contents that nothing names any more are deleted, apart from `lately`. */
export async function keep(
  folder: string,
  q: {
    kept: Kept | undefined
    mark: HighWaterMark | undefined
    list: KeptList | undefined
    contents: ReadonlyMap<string, Buffer>
    lately: ReadonlySet<string>
    anchorHash: string
  },
): Promise<void> {
  await mkdir(path.join(folder, 'parts'), { recursive: true, mode: 0o700 })
  for (const [name, content] of q.contents) await writeDurably(partFile(folder, name), content)
  const stored: Stored = {
    format: 1,
    anchorHash: q.anchorHash,
    ...(q.mark && { mark: q.mark }),
    learned: (q.kept?.learned ?? []).map((certificate) => certificate.toString('base64')),
    ...(q.kept?.leaf && { leaf: q.kept.leaf }),
    ...(q.list && { list: q.list.text }),
    versions: (q.kept?.versions ?? []).map(({ version, directoryBytes, statementText }) => ({
      ...{ version, directory: directoryBytes.toString('base64') },
      ...(statementText !== undefined && { statement: statementText }),
    })),
  }
  await writeDurably(path.join(folder, FILE), JSON.stringify(stored))
  const named = new Set([...q.lately, ...(q.kept?.versions ?? []).flatMap(namesIn)])
  for (const name of await readdir(path.join(folder, 'parts')))
    if (!named.has(name)) await rm(partFile(folder, name), { force: true })
}

/** Forgets what was accepted, how new it was, and the log; the keys stay. Not while the process runs. */
export async function forget(folder: string): Promise<void> {
  for (const name of [FILE, 'parts', 'log'])
    await rm(path.join(folder, name), { recursive: true, force: true })
}

/** The contents that a version lists. */
export function namesIn({ directory }: Version): string[] {
  return directory.parts.map(contentName)
}

/**
 * Reads what was kept. Documents that pass the checks no more are left out; throws `io_error` when the file
 * itself is damaged.
 */
export async function readKept(
  folder: string,
  q: { anchor: ConfigurationAnchor; anchorHash: string; warn(fault: Fault): void },
): Promise<Restored> {
  const file = path.join(folder, FILE)
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw new Fault('io_error', { what: file, cause })
  })
  if (text === undefined) return { mark: undefined, learned: [], kept: undefined, list: undefined }
  const stored = parse(text, file)
  const { anchor } = q
  const before = stored.learned.map((one) => Buffer.from(one, 'base64'))
  const learned = stored.anchorHash === q.anchorHash ? before : learnedUnder(anchor, before)
  const location: Location = {
    url: '',
    certificates: [...certificatesOf(anchor), ...learned],
    documentCertificates: documentCertificatesFor(anchor, learned),
  }
  const { mark } = stored
  try {
    const kept = await judgeKept(folder, stored, { location, instance: anchor.instance, mark, learned })
    return { mark, learned, kept, list: readList(stored.list, { location, mark }) }
  } catch (cause) {
    q.warn(asFault(cause))
    return { mark, learned, kept: undefined, list: undefined }
  }
}

async function judgeKept(
  folder: string,
  stored: Stored,
  q: { location: Location; instance: string; mark: HighWaterMark | undefined; learned: Buffer[] },
): Promise<Kept | undefined> {
  if (stored.versions.length === 0) return undefined
  const versions = stored.versions.map(({ version, directory, statement }, at) =>
    judgeVersion(
      { version, directoryBytes: Buffer.from(directory, 'base64'), statementText: statement },
      { ...q, isNewest: at === 0 },
    ),
  )
  if (!areOfOnePublication(versions, q.instance))
    throw new Fault('malformed_global_conf', { what: 'it is of several publications' })
  for (const { directory } of versions)
    for (const part of directory.parts)
      if (part.instance === q.instance) checkHash(part, await readPart(partFile(folder, contentName(part))))
  const { statement } = versions[0]!
  const logHead = statement && headOf(statement, q.location.documentCertificates)
  return { versions, logHead, leaf: stored.leaf, learned: q.learned }
}

function readPart(file: string): Promise<Buffer> {
  return readFile(file).catch((cause: unknown) => {
    throw new Fault('io_error', { what: file, cause })
  })
}

function readList(
  text: string | undefined,
  q: { location: Location; mark: HighWaterMark | undefined },
): KeptList | undefined {
  if (text === undefined) return undefined
  const list = verifySuspensionList(text, q.location.documentCertificates)
  return listMark(list, text).digest === q.mark?.suspensions?.digest ? { text, list } : undefined
}

function parse(text: string, file: string): Stored {
  try {
    const stored = JSON.parse(text) as Stored
    const isVersion = ({ version, directory }: Stored['versions'][number]): boolean =>
      Number.isSafeInteger(version) && typeof directory === 'string'
    if (stored.format !== 1 || typeof stored.anchorHash !== 'string') throw new Error('form')
    if (!stored.versions.every(isVersion) || !stored.learned.every((one) => typeof one === 'string'))
      throw new Error('form')
    return stored
  } catch (cause) {
    throw new Fault('io_error', { what: `${file} is damaged`, cause })
  }
}
