/**
 * Finds exports that no file imports: dead code, or names that only their own file needs. Types count as
 * well.
 */
import { withoutComments } from './doors.ts'
import { isForTests, resolveImport, type SourceFile, withoutTemplates } from './source-files.ts'

const DECLARED = /^export\s+(?:async\s+|abstract\s+)?(?:function\*?|const|let|class|type|interface)\s+(\w+)/gm
const UNPACKED = /^export\s+const\s+[{[]([^}\]]*)[}\]]\s*=/gm
const LISTED = /^export\s+(?:type\s+)?\{([^}]*)\}/gm

const NAMED = /\b(?:import|export)\s+(?:type\s+)?(?:\w+\s*,\s*)?\{([^}]*)\}\s*from\s*['"]([^'"]+)['"]/g
const WHOLE = /\b(?:import\s+(?:type\s+)?|export\s+)\*(?:\s+as\s+\w+)?\s+from\s*['"]([^'"]+)['"]/g
const LATER_UNPACKED = /\{([^{}]*)\}\s*=\s*await\s+import\(\s*['"]([^'"]+)['"]\s*\)/g
const LATER = /\bimport\(\s*['"]([^'"]+)['"]\s*\)(?:\)?\s*\.\s*(?!then\b)(\w+))?/g

/**
 * Modules that others import under other names than those of their files: a bundler the replacements of
 * Node's modules and the entry of the built page, agencies the entry of the client package.
 */
const FOR_OTHERS = /^scripts\/verify\/page\/(browser\/|shown\/main\.ts$)|^adapters\/client\/index\.ts$/

/**
 * `file: name` of each export without a user, with the reason. An export that only tests import is unused
 * too, unless its own file uses it (then they test a part of code that is used) or is itself for tests.
 */
export function findUnusedExports(files: SourceFile[]): string[] {
  const users = usersOf(files)
  return files
    .filter(({ name }) => !FOR_OTHERS.test(name))
    .flatMap(({ name, text }) =>
      exportsOf(text).flatMap((exported) => {
        const by = [...(users.get(`${name}:${exported}`) ?? []), ...(users.get(`${name}:*`) ?? [])]
        if (by.some((user) => !isForTests(user) || isForTests(name))) return []
        const isUsedHere =
          (withoutComments(text).match(new RegExp(`\\b${exported}\\b`, 'g')) ?? []).length > 1
        if (by.length === 0) return [`${name}: nobody imports ${exported}${isUsedHere ? '' : ' or uses it'}`]
        return isUsedHere && !isListed(text, exported) ? [] : [`${name}: only tests use ${exported}`]
      }),
    )
}

/** The users of each export: by `file:name`, or `file:*` when all exports of a file are imported. */
function usersOf(files: SourceFile[]): Map<string, Set<string>> {
  const users = new Map<string, Set<string>>()
  for (const { name, text } of files) {
    const use = (from: string, names: string[]): void => {
      const file = resolveImport(name, from)
      if (file === undefined) return
      for (const one of names)
        users.set(`${file}:${one}`, (users.get(`${file}:${one}`) ?? new Set()).add(name))
    }
    for (const [, list = '', from = ''] of text.matchAll(NAMED)) use(from, namesIn(list, 'first'))
    for (const [, from = ''] of text.matchAll(WHOLE)) use(from, ['*'])
    const rest = text.replace(LATER_UNPACKED, (_, list: string, from: string) => {
      use(from, namesIn(list, 'first'))
      return ''
    })
    for (const [, from = '', one = '*'] of rest.matchAll(LATER)) use(from, [one])
  }
  return users
}

function exportsOf(text: string): string[] {
  const code = withoutTemplates(text)
  const listed = [...code.matchAll(UNPACKED), ...code.matchAll(LISTED)]
  return [
    ...new Set([
      ...[...code.matchAll(DECLARED)].map(([, name = '']) => name),
      ...listed.flatMap(([, list = '']) => namesIn(list, 'last')),
    ]),
  ]
}

/** Re-exported from another file, or exported at the end of its file. */
function isListed(text: string, name: string): boolean {
  return [...text.matchAll(LISTED)].some(([, list = '']) => namesIn(list, 'last').includes(name))
}

/** For `a, type B as C`: [a, B], the names in the other file, or [a, C], the names in this one. */
function namesIn(list: string, side: 'first' | 'last'): string[] {
  return list
    .replace(/\/\/.*$/gm, '')
    .split(',')
    .map((one) => one.trim().replace(/^type\s+/, ''))
    .filter((one) => one !== '')
    .map(
      (one) =>
        one
          .replace(/\s*=.*$/, '')
          .split(/\s+as\s+|\s*:\s*/)
          .at(side === 'first' ? 0 : -1)!,
    )
}
