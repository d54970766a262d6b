/** A security server from a file: see `../run-file.ts`. */
import { readingOf } from '../calls.ts'
import type { DeclaredKind } from '../kind.ts'
import { lackingAt } from './lacking.ts'
import { planOf } from './plan.ts'
import { contentOf, type Declared, readContent, readDeclared } from './read-file.ts'
import { readPresent } from './read-present.ts'
import { underneathAt } from './underneath.ts'
import { writeDeclared } from './write-file.ts'

export const SERVER_FILE: DeclaredKind<Declared> = {
  ...{ program: 'server', fileName: 'server.yaml', canRemove: true, nothing: {} },
  ...{ readDeclared, contentOf, wholeOf: contentOf, readContent, writeDeclared },
  look: async (api, declared, { removes }) => {
    const present = await readPresent(api, declared)
    return { plan: planOf(declared, present, { removes }), proposed: present.proposed }
  },
  lackingAt: (api, declared) => lackingAt(readingOf(api), declared),
  merging: async (api) => {
    const clients = await readingOf(api).all<{ id: string }>('/clients')
    return underneathAt(new Set(clients.map(({ id }) => id)))
  },
}
