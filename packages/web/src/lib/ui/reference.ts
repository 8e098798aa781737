/** The parts of `owner/name`. */
export function splitReference(reference: string): { owner: string; name: string } {
  const [owner = '', name = ''] = reference.split('/')
  return { owner, name }
}
