/** A registry from a file: see `run-file.ts`. Nothing is taken away by a file. */
import type { DeclaredKind } from './kind.ts'
import { planOf } from './plan.ts'
import { contentOf, type Declared, NOTHING, readContent, readDeclared, wholeOf } from './read-file.ts'
import { readPresent } from './read-present.ts'
import { underneathAt } from './underneath.ts'
import { writeDeclared } from './write-file.ts'

export const REGISTRY_FILE: DeclaredKind<Declared> = {
  ...{ program: 'registry', fileName: 'registry.yaml', canRemove: false, nothing: NOTHING },
  ...{ readDeclared, contentOf, wholeOf, readContent },
  look: async (api, declared) => {
    const present = await readPresent(api, declared)
    return { plan: planOf(declared, present), proposed: present.proposed }
  },
  lackingAt: async () => [],
  writeDeclared: async (api, folder) => ({ ...(await writeDeclared(api, folder)), hidden: [] }),
  merging: async (api) => underneathAt(await readPresent(api, NOTHING)),
}
