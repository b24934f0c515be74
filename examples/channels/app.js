// The claim goes to the backend, which redeems it for the user who is signed in.
document.addEventListener('patchbay-connected', ({ detail }) => {
  location.assign(`/connected?${new URLSearchParams({ patchbay_claim: detail.claim ?? '' })}`);
});

document.addEventListener('patchbay-error', ({ detail, target }) => {
  const note = document.createElement('p');
  note.setAttribute('role', 'alert');
  note.textContent = detail.error.message;
  target.after(note);
});
