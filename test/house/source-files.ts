/** Reads the repository for the house rules: its files, and the imports of each. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'

export const ROOT = path.join(import.meta.dirname, '../..')

type Import = {
  /** As written: './x.ts', '#core/asn1/der.ts', 'node:fs', 'fastify'. */
  from: string
  /** The imported file, relative to the root; undefined for packages. */
  file: string | undefined
  /** A type import, which does not exist at run time. */
  isType: boolean
}

export type SourceFile = { name: string; text: string; lines: number; imports: Import[] }

const STATIC = /^[ \t]*(import|export)\s+(type\b)?[^'"`;()]*?\bfrom\s*['"]([^'"]+)['"]/gm
const BARE = /^[ \t]*import\s*['"]([^'"]+)['"]/gm
const DYNAMIC = /(typeof\s+)?\bimport\(\s*['"]([^'"]+)['"]\s*\)/g
/** A worker or child process counts as an import. */
const BY_URL = /new URL\(\s*['"](\.[^'"]+\.ts)['"]/g

/** Every file that git tracks, relative to the root: the content of a clone, without untracked files. */
export function listFiles(): string[] {
  const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 24 })
  return tracked
    .split('\0')
    .filter((name) => name !== '' && existsSync(path.join(ROOT, name)))
    .sort()
}

/** All TypeScript files with their imports. */
export function readSources(files: string[]): SourceFile[] {
  return files
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => {
      const text = readFileSync(path.join(ROOT, name), 'utf8')
      return { name, text, lines: text.split('\n').length - 1, imports: importsOf(name, text) }
    })
}

/** The imports of a file: static, dynamic, and workers. */
export function importsOf(name: string, text: string): Import[] {
  const code = withoutTemplates(text)
  const found: Import[] = []
  const add = (from: string, isType: boolean): void => {
    found.push({ from, isType, file: resolveImport(name, from) })
  }
  for (const [, , type, from] of code.matchAll(STATIC)) add(from!, type !== undefined)
  for (const [, from] of code.matchAll(BARE)) add(from!, false)
  for (const [, type, from] of code.matchAll(DYNAMIC)) add(from!, type !== undefined)
  for (const [, from] of code.matchAll(BY_URL)) add(from!, false)
  return found
}

/**
 * The text without multi-line templates: code in a template (a test's child process, a usage text) is not
 * code of this file.
 */
export function withoutTemplates(text: string): string {
  return text.replace(/`(?:\\[\s\S]|[^`\\])*`/g, (template) => (template.includes('\n') ? '``' : template))
}

/** The file that an import in `name` refers to, relative to the root; undefined for packages. */
export function resolveImport(name: string, from: string): string | undefined {
  if (from.startsWith('.')) return path.posix.join(path.posix.dirname(name), from)
  return from.startsWith('#') ? from.slice(1) : undefined
}

/** Tests, and files that only tests use. */
export function isForTests(name: string): boolean {
  return /\.test\.tsx?$|(^|[/-])(fixture|child)\.ts$|^test\//.test(name)
}
