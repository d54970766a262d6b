/** The subject of a request by a profile: what stands in braces gives way to what it names, once; values are not looked at again. */
import type { Placeholder, RequestedAttribute } from '#schemas/certificate-profile.ts'

export function fillRequest(
  request: RequestedAttribute[],
  values: Record<Placeholder, string>,
): { type: string; value: string }[] {
  return request.map(({ attribute, value }) => ({
    type: attribute,
    value: value.replace(/\{([A-Za-z]+)\}/g, (whole, name: string) =>
      Object.hasOwn(values, name) ? values[name as Placeholder] : whole,
    ),
  }))
}
