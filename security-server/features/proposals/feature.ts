/** Acts that take two people at this server, where the agency's policy says so. */
import type { FeatureModule } from '#platform/feature.ts'
import { openProposals, type ProposalOffers } from '#platform/proposals/open-proposals.ts'
import { proposalMigrations } from './migrations.ts'

type Ground = Parameters<typeof openProposals>[0]['ground'] & {
  fourEyesPolicy: { inForce(): Promise<readonly string[]> }
}

export const proposals: FeatureModule<Ground, ProposalOffers> = {
  name: 'proposals',
  migrations: proposalMigrations,
  open: (ground) =>
    openProposals({
      ground,
      isRequired: async (operation) => {
        const kinds = await ground.fourEyesPolicy.inForce()
        return operation === undefined ? kinds.length > 0 : kinds.includes(operation.fourEyesKind ?? '')
      },
    }),
}
