/**
 * Reads a document that the settings name, and what it imports: files beside it or below, none from the
 * network.
 */
import { readFile, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { type FoundDocument, invalid, MAX_BYTES } from '#core/wsdl/collect-documents.ts'

type Beside = {
  first: FoundDocument
  /**
   * What is at a location in the document of that name. Throws `invalid_configuration` that names the file.
   */
  read(from: string, location: string): Promise<FoundDocument>
}

/** Throws `invalid_configuration` that names the file. */
export async function readBeside(file: string): Promise<Beside> {
  const folder = path.dirname(await real(file))

  async function readAt(at: string): Promise<FoundDocument> {
    const found = await real(at)
    if (found !== folder && !found.startsWith(folder + path.sep))
      throw invalid(`${at} does not lie beside ${file}`)
    if ((await stat(found)).size > MAX_BYTES) throw invalid(`${at} is larger than ${MAX_BYTES} bytes`)
    return { name: found, bytes: await readFile(found) }
  }

  return { first: await readAt(file), read: (from, location) => readAt(beside(from, location)) }
}

function beside(at: string, location: string): string {
  if (/^[a-z][a-z0-9+.-]+:/i.test(location))
    throw invalid(`${at} imports ${location.slice(0, 200)}: put a copy beside it, and name that`)
  return path.resolve(path.dirname(at), location)
}

function real(file: string): Promise<string> {
  return realpath(file).catch((cause: unknown) => {
    throw invalid(`${file} cannot be read`, cause)
  })
}
