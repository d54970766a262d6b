/**
 * Imports the register of another system: reads its configuration, compares, and carries the import out after
 * two people agreed.
 */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import type { Change } from '../../changes/store.ts'
import { createImportClient } from '../../configuration/other-instances/client.ts'
import type { SigningKeyStore } from '../../configuration/signing-keys/store.ts'
import type { MemberStore } from '../../members/store.ts'
import { importMigrations } from './migrations.ts'
import { importHandlers } from './routes.ts'
import { createImportStore } from './store.ts'
import type { Tables } from './tables.ts'

type Ground = Pick<Services, 'database' | 'clock'> & {
  change: Change<Tables>
  record: Change<Tables>
  members: Pick<MemberStore, 'parameters'>
  keys: Pick<SigningKeyStore, 'list'>
  settings: {
    publicUrl: string
    configuration: { ocspFreshnessSeconds: number; timeStampingIntervalSeconds: number }
  }
}

/** `countOpenImports`: the imports that were read but not carried out. */
export const imports: FeatureModule<Ground, { countOpenImports(): Promise<number> }> = {
  name: 'imports',
  migrations: importMigrations,
  open: (ground) => {
    const { publicUrl, configuration } = ground.settings
    const store = createImportStore(ground.database, ground.change, ground.record)
    return {
      operations: importHandlers({
        ...{ ...ground, store, settings: configuration },
        client: createImportClient(),
        sourceAddress: new URL(publicUrl).host,
      }),
      offers: { countOpenImports: () => store.count({ state: 'OPEN' }) },
    }
  },
}
