import type { Caller } from '#platform/http-service/caller.ts'

const CONTENT_ROLE = 'XROAD_CONTENT_AUDITOR'

/**
 * Whether a reader sees the digests of contents by their role alone. A plain digest gives a content away that
 * is one of few, such as a path with a personal code: everybody can try them out. Where a second auditor
 * agrees, they are in what was granted, such as evidence bundles.
 */
export function seesDigests(
  { contentRequests }: { contentRequests: { isRequired: boolean } },
  { caller }: { caller: Pick<Caller, 'roles'> },
): boolean {
  return caller.roles.includes(CONTENT_ROLE) && !contentRequests.isRequired
}
