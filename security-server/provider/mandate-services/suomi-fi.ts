/**
 * The query between systems of Finland's Suomi.fi e-Authorizations:
 * `/service/rest/hpa/authorization/{client}/{delegate}/{principal}` answers ALLOWED or DISALLOWED, and no
 * reason. Each request has a checksum over path and time, which may be five minutes off.
 */
import { createHmac } from 'node:crypto'
import {
  type MandateInterface,
  type MandateRequest,
  memberOfAnswer,
  plainCode,
  UnusableAnswer,
} from './question.ts'

export function suomiFi(q: {
  clientId: string
  apiKey: string
  country: string | undefined
  /** Who asks, for the logs of the service: our server in text form. */
  endUser: string
}): MandateInterface {
  const signed = (target: string, now: number): MandateRequest => {
    const time = new Date(now).toISOString()
    const checksum = createHmac('sha256', q.apiKey).update(`${target} ${time}`).digest('base64')
    return {
      target,
      headers: {
        'x-asiointivaltuudetauthorization': `${q.clientId} ${time} ${checksum}`,
        'x-userid': q.endUser,
      },
    }
  }
  return {
    // One question a theme: of several in one question the service grants all or none.
    requests({ rule, representee, delegate }, { id, now }) {
      const [from, to] = [delegate, representee].map((one) => encodeURIComponent(plainCode(one, q.country)))
      const path = `/service/rest/hpa/authorization/${q.clientId}/${from}/${to}`
      return rule.roles.map((theme) => {
        const issue = encodeURIComponent(theme)
        // The service's description says `issues`, its own newer clients `issue`. One that it did not know it
        // would pass over.
        return signed(`${path}?requestId=${id}&issues=${issue}&issue=${issue}`, now)
      })
    },
    judge(answer) {
      const result = memberOfAnswer(answer, 'result')
      if (result !== 'ALLOWED' && result !== 'DISALLOWED')
        throw new UnusableAnswer('it is neither ALLOWED nor DISALLOWED')
      return { isMandated: result === 'ALLOWED', until: Number.POSITIVE_INFINITY }
    },
  }
}
