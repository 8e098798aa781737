/** `kind` is the promise that was broken. */
export interface Violation {
  readonly kind:
    | 'lost'
    | 'unfinished'
    | 'made twice'
    | 'double outcome'
    | 'broken log'
    | 'wrong answer'
    | 'unfounded outcome'
    | 'order'
    | 'follower gap'
    | 'follower duplicate'
    | 'follower differs'
  readonly id: string
  readonly what: string
}
