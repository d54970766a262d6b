/** Acts that take two people at this server, where the agency's policy says so. */
import type { FeatureModule } from '#platform/feature.ts'
import { openProposals, type ProposalOffers } from '#platform/proposals/open-proposals.ts'
import { changedBehindRights, hasRights, isBehindRights } from '../../local-systems/behind-rights.ts'
import type { ServiceView, View } from '../../local-systems/view.ts'
import { proposalMigrations } from './migrations.ts'

type Ground = Parameters<typeof openProposals>[0]['ground'] & {
  fourEyesPolicy: { always: readonly string[]; inForce(): Promise<readonly string[]> }
  localSystems: { view(): View }
}

/** Who reads the audit log, where all of it stands. */
const AUDITORS = ['XROAD_AUDITOR', 'XROAD_SYSTEM_ADMINISTRATOR']

export const proposals: FeatureModule<Ground, ProposalOffers> = {
  name: 'proposals',
  migrations: proposalMigrations,
  open: (ground) =>
    openProposals({
      ground,
      // A proposal may say whom a legal hold is about, or who is invited: each role sees the acts that it may do itself.
      seesAll: ({ roles }) => AUDITORS.some((role) => roles.includes(role)),
      isRequired: async (operation, call, { isProposed }) => {
        const kinds = await ground.fourEyesPolicy.inForce()
        if (operation === undefined) return kinds.length > 0
        const kind = operation.fourEyesKind ?? ''
        if (ground.fourEyesPolicy.always.includes(kind)) return true
        if (!kinds.includes(kind)) return false
        if (call === undefined || !isBehindRights(operation.id)) return true
        const changed = changedBehindRights(ground.localSystems.view(), operation.id, call)
        // Who approves a right that waits relies on what the service is by then.
        const isAskedFor = ({ key }: ServiceView) =>
          isProposed({ operation: 'addAccessRight', params: { id: String(key) } })
        for (const one of changed) if (hasRights(one) || (await isAskedFor(one))) return true
        return false
      },
    }),
}
