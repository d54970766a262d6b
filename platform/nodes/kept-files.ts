/** How files of keys are kept: on this node alone, or on all nodes of the server. */
import path from 'node:path'
import { isOutdated, takeNewer } from '#platform/shared-files/shared-files.ts'
import type { Cluster } from './needs.ts'

export type KeptFiles = {
  /**
   * Replaces a file, with mode 0600. Throws `io_error`, and what `isOutdated` tells when another node has
   * changed it since it was read here.
   */
  write(file: string, content: string | Buffer): Promise<void>
  /** The file has to be there. */
  remove(file: string): Promise<void>
  /** Takes over what other nodes have changed, before a file counts as missing. */
  catchUp(): Promise<void>
}

/** For files below `directory` that nodes share. */
export function keptOnAll({ files }: Pick<Cluster, 'files'>, directory: string): KeptFiles {
  const nameOf = (file: string): string => path.relative(directory, file).replaceAll(path.sep, '/')
  return {
    write: (file, content) => files.write(nameOf(file), Buffer.from(content)),
    remove: (file) => files.remove(nameOf(file)),
    catchUp: () => files.pull(),
  }
}

/** Writes a file, unless another node has just written it: that one is here then, for the caller to read. */
export async function writeUnlessOther(
  files: Pick<KeptFiles, 'write'>,
  file: string,
  content: string | Buffer,
): Promise<void> {
  await files.write(file, content).catch((thrown: unknown) => {
    if (!isOutdated(thrown)) throw thrown
    takeNewer(thrown)
  })
}
