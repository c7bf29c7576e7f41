/*
 * {PAM}service: the password is asked of PAM; this is its only home.
 *
 * Runs on a worker: a stack may wait, fork or ask the network.  Only the
 * password is ever given to it; a module that asks for anything else (a second
 * factor, a new password) gets no answer and refuses.  What is wrong with a
 * module or its backend is UNAVAILABLE, never a wrong password.
 */
#include "auth/scheme.h"

#include <security/pam_appl.h>
#include <stdlib.h>

static void answers_free(struct pam_response *answers, int n)
{
	for (int i = 0; i < n; i++) {
		if (answers[i].resp)
			explicit_bzero(answers[i].resp,
				       strlen(answers[i].resp));
		free(answers[i].resp);
	}
	free(answers);
}

static int converse(int n, const struct pam_message **messages,
		    struct pam_response **answers, void *arg)
{
	const struct pf_str *password = arg;

	if (n < 1 || n > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	struct pam_response *all = calloc((size_t)n, sizeof *all);
	if (!all)
		return PAM_BUF_ERR;
	for (int i = 0; i < n; i++) {
		int style = messages[i]->msg_style;
		if (style == PAM_PROMPT_ECHO_OFF) {
			all[i].resp = pf_str_dup(*password);
		} else if (style != PAM_ERROR_MSG && style != PAM_TEXT_INFO) {
			answers_free(all, n);
			return PAM_CONV_ERR;
		}
	}
	*answers = all; /* PAM frees it */
	return PAM_SUCCESS;
}

static bool is_no(int result)
{
	return result == PAM_AUTH_ERR || result == PAM_USER_UNKNOWN ||
	       result == PAM_MAXTRIES || result == PAM_PERM_DENIED ||
	       result == PAM_ACCT_EXPIRED || result == PAM_CRED_EXPIRED ||
	       result == PAM_NEW_AUTHTOK_REQD || result == PAM_AUTHTOK_EXPIRED;
}

static pf_status ask(const char *service, const char *user,
		     struct pf_str password, struct pf_error *err)
{
	const struct pam_conv conversation = {converse, &password};
	pam_handle_t *pam = NULL;
	int result = pam_start(service, user, &conversation, &pam);

	if (result == PAM_SUCCESS)
		result = pam_authenticate(pam, PAM_SILENT |
						   PAM_DISALLOW_NULL_AUTHTOK);
	if (result == PAM_SUCCESS)
		result = pam_acct_mgmt(pam, PAM_SILENT);
	pf_status status = PF_OK;
	if (result != PAM_SUCCESS)
		status = pf_error_set(
		    err, is_no(result) ? PF_AUTHFAILED : PF_UNAVAILABLE, NULL,
		    "PAM service %s: %s", service, pam_strerror(pam, result));
	if (pam)
		pam_end(pam, result);
	return status;
}

pf_status auth_pam_verify(struct pf_str service, const char *user,
			  struct pf_str password, struct pf_error *err)
{
	char *name = pf_str_dup(service.n ? service : PF_STR("penfold"));
	pf_status status;

	if (password.n == 0 || password.n > 511 ||
	    pf_str_chr(password, '\0') >= 0)
		status = pf_error_set(err, PF_AUTHFAILED, NULL,
				      "empty or impossible password");
	else
		status = ask(name, user, password, err);
	free(name);
	return status;
}
