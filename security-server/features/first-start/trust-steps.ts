/**
 * The steps until the server believes an instance and can use its keys: anchor, configuration, owner, token.
 */
import { colonForm } from '#schemas/colon-identifiers.ts'
import { idText, memberOf } from '#schemas/identifiers.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import type { PinInfo } from '../../keys/pin-policy.ts'
import type { Needs } from './needs.ts'
import { done, ours, type Step, waits } from './steps.ts'

export function trustSteps({ globalConfiguration, keys, server }: Needs): Step[] {
  const { anchor, attempt, own } = globalConfiguration.state()
  const snapshot = inForce(globalConfiguration)
  return [
    anchor === undefined ? ours('anchor', { missing: 'anchor' }) : done('anchor', anchor),
    configuration(),
    owner(),
    token(),
  ]

  function configuration(): Step {
    const of = { expiresAt: own?.expiresAt, source: own?.source, fetchedAt: attempt.lastSuccess }
    if (snapshot !== undefined) return done('configuration', of)
    if (anchor === undefined) return ours('configuration', { missing: 'configuration', after: 'anchor' })
    const detail = attempt.lastError?.message
    return waits('configuration', { missing: 'configuration', who: 'registry', detail }, of)
  }

  function owner(): Step {
    const memberName = snapshot?.index.memberName(memberOf(server))
    const of = {
      ...{ serverId: colonForm(idText(server)), memberId: colonForm(idText(memberOf(server))) },
      ...{ serverCode: server.serverCode, memberName },
    }
    if (memberName !== undefined) return done('owner', of)
    if (snapshot === undefined) return ours('owner', { missing: 'configuration', after: 'configuration' }, of)
    return waits('owner', { missing: 'member', who: 'registry' }, of)
  }

  /** The software token: only it can hold the key for connections between servers. */
  function token(): Step {
    const [software] = keys.tokens()
    const of = { tokenId: software?.id, name: software?.name, pin: policyOf(software?.pin) }
    if (software?.initialized !== true) return ours('token', { missing: 'token' }, of)
    if (software.loggedIn) return done('token', of)
    return ours('token', { missing: 'login', begun: true }, of)
  }
}

/** What a first PIN has to be like. */
function policyOf(pin: PinInfo | undefined) {
  return pin && { minLength: pin.minLength, classes: pin.classes }
}
