/**
 * The configuration on disk. Each accepted configuration is a folder of its own, complete and durable before
 * one symbolic link points to it: after a crash there is the old set or the new one, never a mixture. Inside
 * is X-Road's layout, and the signed documents next to it:
 *
 *   current -> generations/0000000012 generations/0000000012/globalconf/instance-identifier
 *   generations/0000000012/globalconf/DEV/shared-params.xml (and .metadata), private-params.xml, ...
 *   generations/0000000012/globalconf/DEV/certificate-profiles.json, where the instance has profiles of its
 *   own generations/0000000012/signed/DEV.directory, DEV.statement
 */
import { mkdir, readdir, readFile, readlink, stat } from 'node:fs/promises'
import path from 'node:path'
import { PROFILES_FILE } from '#core/certificate/instance-profiles.ts'
import { parseDirectory } from '#core/configuration/directory.ts'
import { writePartMetadata } from '#core/configuration/part-metadata.ts'
import { Fault } from '#schemas/fault.ts'
import type { DurableFiles } from './durable-files.ts'
import { type InstanceCopy, type Kind, profilesFile, wantedParts } from './instance-copy.ts'

/** One instance as read from disk; nothing is verified yet. */
export type StoredCopy = {
  instance: string
  directoryBytes: Buffer
  statementText: string | undefined
  /** By the identifier of the part. */
  contents: Map<string, Buffer>
}

type Generations = {
  /**
   * Writes all copies, the own instance first, and makes them current. Returns the folder with X-Road's
   * layout.
   */
  save(copies: InstanceCopy[]): Promise<string>
  /** The current set, the own instance first; undefined when nothing has been saved. */
  load(): Promise<{ folder: string; copies: StoredCopy[] } | undefined>
}

const MAX_FILE_BYTES = 64 * 1024 * 1024
const DIGITS = 10

export async function createGenerations(directory: string, files: DurableFiles): Promise<Generations> {
  const root = path.join(directory, 'generations')
  const link = path.join(directory, 'current')
  await mkdir(root, { recursive: true })
  let last = Math.max(0, ...(await readdir(root)).map(Number).filter(Number.isSafeInteger))

  const current = async (): Promise<string | undefined> => {
    try {
      return path.join(root, path.basename(await readlink(link)))
    } catch {
      return undefined
    }
  }
  return {
    save: async (copies) => {
      const before = await current()
      last += 1
      const folder = path.join(root, String(last).padStart(DIGITS, '0'))
      await writeGeneration(folder, before, copies, files)
      await files.sync(root)
      await files.point(link, path.join('generations', path.basename(folder)))
      // The previous set stays for a reader that has just opened it.
      for (const name of await readdir(root)) {
        const other = path.join(root, name)
        if (other !== folder && other !== before) await files.remove(other)
      }
      return path.join(folder, 'globalconf')
    },
    load: async () => {
      const folder = await current()
      return folder === undefined ? undefined : readGeneration(folder)
    },
  }
}

async function writeGeneration(
  folder: string,
  before: string | undefined,
  copies: InstanceCopy[],
  files: DurableFiles,
): Promise<void> {
  const layout = path.join(folder, 'globalconf')
  const signed = path.join(folder, 'signed')
  const folders = [
    folder,
    layout,
    signed,
    ...copies.map((copy) => path.join(layout, folderName(copy.instance))),
  ]
  for (const name of folders) await files.createFolder(name)
  await files.create(path.join(layout, 'instance-identifier'), Buffer.from(copies[0]?.instance ?? ''))
  for (const copy of copies) {
    const name = folderName(copy.instance)
    await files.create(path.join(signed, `${name}.directory`), copy.directoryBytes)
    if (copy.statementText !== undefined) {
      await files.create(path.join(signed, `${name}.statement`), Buffer.from(copy.statementText))
    }
    // For tools that verify evidence with this folder; at a start the server reads the signed statement
    // instead.
    const profiles = profilesFile(copy)
    if (profiles !== undefined) await files.create(path.join(layout, name, PROFILES_FILE), profiles)
    for (const { part, fileName, content } of copy.parts) {
      const file = path.join(layout, name, fileName)
      if (content !== undefined) await files.create(file, content)
      else await files.link(path.join(before ?? '', 'globalconf', name, fileName), file)
      const metadata = writePartMetadata({
        contentIdentifier: part.identifier,
        instanceIdentifier: part.instance,
        expirationDate: copy.expiresAt,
        contentFileName: part.fileName,
        contentLocation: part.location,
        configurationVersion: String(copy.directory.version),
      })
      await files.create(`${file}.metadata`, metadata)
    }
  }
  for (const name of folders.toReversed()) await files.sync(name)
}

async function readGeneration(folder: string): Promise<{ folder: string; copies: StoredCopy[] }> {
  const layout = path.join(folder, 'globalconf')
  const own = (await readBounded(path.join(layout, 'instance-identifier'))).toString('utf8').trim()
  const names = (await readdir(layout, { withFileTypes: true })).filter((entry) => entry.isDirectory())
  const copies = [await readCopy(folder, own, 'own')]
  for (const { name } of names.filter((entry) => entry.name !== folderName(own))) {
    // A federated instance that cannot be read is fetched again; the own instance must not fail with it.
    const copy = await readCopy(folder, decodeURIComponent(name.replaceAll('+', ' ')), 'federated').catch(
      () => undefined,
    )
    if (copy !== undefined) copies.push(copy)
  }
  return { folder: layout, copies }
}

async function readCopy(folder: string, instance: string, kind: Kind): Promise<StoredCopy> {
  const signed = path.join(folder, 'signed', folderName(instance))
  const directoryBytes = await readBounded(`${signed}.directory`)
  const contents = new Map<string, Buffer>()
  for (const { part, fileName } of wantedParts(parseDirectory(directoryBytes), instance, kind)) {
    contents.set(
      part.identifier,
      await readBounded(path.join(folder, 'globalconf', folderName(instance), fileName)),
    )
  }
  const hasStatement = (await readdir(path.join(folder, 'signed'))).includes(
    `${folderName(instance)}.statement`,
  )
  const statementText = hasStatement
    ? (await readBounded(`${signed}.statement`)).toString('latin1')
    : undefined
  return { instance, directoryBytes, statementText, contents }
}

async function readBounded(file: string): Promise<Buffer> {
  const { size } = await stat(file)
  if (size > MAX_FILE_BYTES)
    throw new Fault('malformed_global_conf', { what: `${path.basename(file)} is too large` })
  return readFile(file)
}

/** The folder name of an instance: its identifier as Java's URLEncoder writes it (ConfigurationUtils). */
export function folderName(instance: string): string {
  return encodeURIComponent(instance)
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}
