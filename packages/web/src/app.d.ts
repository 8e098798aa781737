declare namespace App {
  interface PageState {
    /** Set when the connect page is the last step of a creation: make its token at once. */
    fresh?: boolean
  }
}
