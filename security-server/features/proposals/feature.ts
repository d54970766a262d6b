/** Acts that take two people at this server, where the agency's policy says so. */
import type { FeatureModule } from '#platform/feature.ts'
import { openProposals, type ProposalOffers } from '#platform/proposals/open-proposals.ts'
import { isRequired, type RequiringGround } from './is-required.ts'
import { proposalMigrations } from './migrations.ts'

type Ground = Parameters<typeof openProposals>[0]['ground'] & RequiringGround

/** Who reads the audit log, where all of it stands. */
const AUDITORS = ['XROAD_AUDITOR', 'XROAD_SYSTEM_ADMINISTRATOR']

export const proposals: FeatureModule<Ground, ProposalOffers> = {
  name: 'proposals',
  migrations: proposalMigrations,
  open: (ground) =>
    openProposals({
      ground,
      // A proposal may say whom a legal hold is about, or who is invited: each role sees the acts that it may
      // do itself.
      seesAll: ({ roles }) => AUDITORS.some((role) => roles.includes(role)),
      isRequired: (operation, call, waiting) => isRequired(ground, { operation, call }, waiting),
    }),
}
