/**
 * Parts of pages, built as for a page, and rendered without a browser: in English, before an API whose
 * answers the test says.
 */

import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ComponentChildren, VNode } from 'preact'
import type { Test } from 'tap'
import { type Element, type FakeDocument, makeDocument } from './document-fixture.ts'

type Kit = {
  h(type: unknown, props: object | null, ...children: unknown[]): VNode
  render(node: VNode | null, into: Element): void
  act(does: () => void | Promise<void>): Promise<void>
  loadTexts(wanted: string[]): Promise<void>
  loadLaterTexts(): Promise<void>
  ConsoleContext: { Provider: unknown }
  WithDialogs: unknown
}

type Page = {
  document: FakeDocument
  /** What the page is in, with what was rendered last. */
  root: Element
  show(part: unknown, props: object): Promise<Element>
  /** Anything that a person or the browser does, and what follows from it. */
  does(what: () => void): Promise<void>
  /** The size of something is another now. */
  resized(): Promise<void>
  /** A node that a part made. */
  showNode(node: ComponentChildren): Promise<Element>
}

const NEEDED = [
  ...["export { h, render } from 'preact'", "export { act } from 'preact/test-utils'"],
  "export { loadTexts, loadLaterTexts } from '/kit/text.ts'",
  ...["export { ConsoleContext } from '/kit/context.ts'", "export { WithDialogs } from '/kit/dialogs.tsx'"],
]

/**
 * `files` are those of the parts, as `/kit/folded.tsx`; `answers` are by operation: nobody may call another.
 */
export async function openPage<Parts>(
  t: Test,
  files: string[],
  answers: Record<string, unknown> = {},
): Promise<Page & { parts: Parts }> {
  const built = await buildParts(t.testdir(), files, Object.keys(answers))
  const document = makeDocument()
  const changed = new Set<() => void>()
  const globals = {
    ...{ document, localStorage: { getItem: () => null } },
    window: {
      location: { pathname: '/', search: '', hash: '' },
      ...{ addEventListener: () => undefined, removeEventListener: () => undefined },
    },
    ResizeObserver: function ResizeObserver(this: object, tell: () => void) {
      changed.add(tell)
      return { observe: () => undefined, disconnect: () => changed.delete(tell) }
    },
  }
  // Other tests of the room run in this process.
  const before = Object.keys(globals).map(
    (name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const,
  )
  for (const [name, value] of Object.entries(globals))
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  t.teardown(() => {
    for (const [name, was] of before)
      if (was === undefined) Reflect.deleteProperty(globalThis, name)
      else Object.defineProperty(globalThis, name, was)
  })
  const parts = (await import(pathToFileURL(built).href)) as Kit & Parts
  await parts.loadTexts(['en'])
  await parts.loadLaterTexts()
  const root = document.createElementNS('', 'main')
  document.documentElement.insertBefore(root, null)
  const { h, ConsoleContext, WithDialogs, act, render } = parts
  const console = {
    api: { call: async (operation: string) => ({ data: answers[operation], headers: new Headers() }) },
    session: { kind: 'person', id: '1', name: 'Ada', roles: ['any'] },
    ...{ changes: 0, changed: () => undefined, signedOut: () => undefined },
  }
  /** An answer comes after the turn in which it was asked for. */
  const does = async (what: () => void): Promise<void> => {
    await act(what)
    await act(() => new Promise<void>((resolve) => setImmediate(resolve)))
  }
  const showNode = async (node: ComponentChildren): Promise<Element> => {
    await does(() => render(null, root))
    await does(() => render(h(ConsoleContext.Provider, { value: console }, h(WithDialogs, null, node)), root))
    return root
  }
  t.teardown(() => does(() => render(null, root)))
  return {
    ...{ document, root, parts, does, showNode },
    show: (part, props) => showNode(h(part, props)),
    resized: () => does(() => changed.forEach((tell) => void tell())),
  }
}

/** One program of the parts and of Preact, since both have to be the same. */
async function buildParts(directory: string, files: string[], operations: string[]): Promise<string> {
  const { build } = await import('vite')
  const entry = [...NEEDED, ...files.map((file) => `export * from '${file}'`)].join('\n')
  await build({
    ...{ configFile: false, root: import.meta.dirname, publicDir: false, logLevel: 'warn' },
    define: {
      OPERATIONS: JSON.stringify(Object.fromEntries(operations.map((one) => [one, { roles: ['any'] }]))),
    },
    plugins: [
      {
        ...{ name: 'parts', enforce: 'pre' },
        resolveId: (id) => (id === 'parts' ? '/parts.ts' : undefined),
        // All texts are those of the first page, and in English.
        load: (id) =>
          id === '/parts.ts'
            ? entry
            : id.endsWith('.json?later')
              ? { code: 'export default {}', moduleType: 'js' }
              : /[\\/]texts[\\/](?!en\.)[\w-]+\.json$/.test(id)
                ? '{}'
                : undefined,
      },
    ],
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    ssr: { noExternal: true },
    build: {
      ...{ ssr: true, outDir: directory, emptyOutDir: false, minify: false, target: 'es2023' },
      rolldownOptions: {
        input: { parts: 'parts' },
        output: { entryFileNames: '[name].mjs', chunkFileNames: '[hash].mjs' },
      },
    },
  })
  return path.join(directory, 'parts.mjs')
}
