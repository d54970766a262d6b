/**
 * X-Road's management API, for programs that were written for X-Road's security server. Off without
 * `xRoadApi` in the settings.
 */
import type { FeatureModule } from '#platform/feature.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { Fault } from '#schemas/fault.ts'
import { entriesOf } from './entries.ts'
import type { Entry } from './entry.ts'
import type { Needs } from './needs.ts'
import { addEntries, checkEntry, type OwnApi } from './routes.ts'
import type { XRoadApiSettings } from './settings.ts'

type Ground = Needs & { settings: { xRoadApi?: XRoadApiSettings | undefined } }

export type XRoadApiOffers = {
  /** Sets the management API through which X-Road's operations are carried out. */
  answerXRoadBy(api: OwnApi): void
}

export const xRoadApi: FeatureModule<Ground, XRoadApiOffers> = {
  name: 'x-road-api',
  open: (ground) => {
    let own: OwnApi | undefined
    const offers: XRoadApiOffers = {
      answerXRoadBy: (api) => {
        own = api
      },
    }
    if (ground.settings.xRoadApi === undefined) return { offers }
    return {
      offers,
      routes: {
        'x-road-api': (app) => {
          // Routes of a listener are added once the management API is there.
          const api = own!
          const isPermitted = (entry: Entry, roles: string[]): boolean => mayCall(entry, api, roles)
          addEntries(app, entriesOf(ground, isPermitted), api, ground)
        },
      },
    }
  },
}

function mayCall(entry: Entry, api: OwnApi, roles: string[]): boolean {
  const caller: Caller = { kind: 'key', id: '', name: '', roles }
  try {
    checkEntry(entry, api, caller)
    return true
  } catch (thrown) {
    if (thrown instanceof Fault) return false
    throw thrown
  }
}
