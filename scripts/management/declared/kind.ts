/**
 * What a declared file is of: a registry or a security server. Each says how its file is read, kept, planned,
 * compared and written.
 */
import type { ManagementApi } from '../client.ts'
import type { Plan } from './step.ts'

/** `proposed`: SHA-256 of the content of each proposal that waits for a second person. */
export type Looked = { plan: Plan; proposed: ReadonlySet<string> }

export type DeclaredKind<Declared> = {
  /** As the command is named. */
  program: 'registry' | 'server'
  /** What `declare` writes, without the files beside it. */
  fileName: string
  /** Whether `--remove` may take away what a file does not name. */
  canRemove: boolean
  /** The file with the content of those that it names. Throws a CommandError. */
  readDeclared(file: string): Promise<Declared>
  /**
   * The one text of what is declared, without need of the folder: the same for the same declaration, whatever
   * the order of its fields.
   */
  contentOf(declared: Declared): string
  /** The same, with what is applied and not kept. */
  wholeOf(declared: Declared): string
  /** What `contentOf` made. Throws a CommandError. */
  readContent(name: string, content: string): Declared
  /** Plans by what is there now. */
  look(api: ManagementApi, declared: Declared, q: { removes: boolean }): Promise<Looked>
  /** What no file can bring. */
  lackingAt(api: ManagementApi, declared: Declared): Promise<string[]>
  /**
   * Writes what is there into a new folder. `hidden`: the parts that the caller may not read. Throws a
   * CommandError.
   */
  writeDeclared(api: ManagementApi, folder: string): Promise<{ files: number; hidden: string[] }>
  /** A file that speaks of nothing. */
  nothing: Declared
  /** How what only an older file speaks of is put under a newer one. */
  merging(api: ManagementApi): Promise<Merge<Declared>>
}

/**
 * `gone`: what of the older file is not in `both`, since it is not there any more. `isNext`: the newer names
 * something of what the older named, so that it looks like its next version, which leaves out what may be
 * gone.
 */
export type Merge<Declared> = (
  newer: Declared,
  older: Declared,
) => { both: Declared; gone: string[]; isNext: boolean }
