/**
 * Fills in the subject of a certificate request by a profile. Each `{placeholder}` is replaced once by its
 * value; braces inside a value are not replaced again.
 */
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
