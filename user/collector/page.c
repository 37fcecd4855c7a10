// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * The page (ui/), built into this program: GET / for who takes HTML, and the three files that it
 * needs. It may load and ask what comes from here, and nothing else.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "user/collector/api.h"
#include "user/lib/cleanup.h"

#define PAGE_POLICY                                                                 \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " \
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* The bytes of a file between NAME_at and NAME_end; WT_PAGE is where `make` builds the page. */
#define EMBED(name, file)                                                                   \
	__asm__(".section .rodata\n" #name "_at:\n.incbin \"" WT_PAGE "/" file "\"\n" #name \
		"_end:\n.byte 0\n.previous\n");                                             \
	extern const unsigned char name##_at[], name##_end[]

EMBED(page_html, "index.html");
EMBED(page_html_gz, "index.html.gz");
EMBED(page_js, "app.js");
EMBED(page_js_gz, "app.js.gz");
EMBED(page_css, "app.css");
EMBED(page_css_gz, "app.css.gz");
EMBED(page_icon, "icon.svg");
EMBED(page_icon_gz, "icon.svg.gz");

struct page_file {
	const char *type;
	const unsigned char *at, *end, *gz_at, *gz_end;
	char etag[2][20]; /* plain, gzip: what is sent under one of them are always these bytes */
};

#define PAGE_FILE(type, name)                                             \
	{                                                                 \
		type, name##_at, name##_end, name##_gz_at, name##_gz_end, \
		{                                                         \
		}                                                         \
	}
static struct page_file html = PAGE_FILE("text/html; charset=utf-8", page_html);
static struct page_file js = PAGE_FILE("text/javascript; charset=utf-8", page_js);
static struct page_file css = PAGE_FILE("text/css; charset=utf-8", page_css);
static struct page_file icon = PAGE_FILE("image/svg+xml", page_icon);

static void name_bytes(char etag[20], const unsigned char *at, const unsigned char *end)
{
	snprintf(etag, 20, "\"%08lx-%lx\"", crc32(0, at, (uInt)(end - at)),
		 (unsigned long)(end - at));
}

static void name_all(void)
{
	struct page_file *const files[] = { &html, &js, &css, &icon };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		name_bytes(files[i]->etag[0], files[i]->at, files[i]->end);
		name_bytes(files[i]->etag[1], files[i]->gz_at, files[i]->gz_end);
	}
}

static int reply_file(const struct api_request *req, struct api_reply *reply,
		      const struct page_file *file)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	bool is_gz = req->accept_encoding && strstr(req->accept_encoding, "gzip");

	pthread_once(&once, name_all);
	reply->content_type = file->type;
	reply->policy = PAGE_POLICY;
	reply->etag = file->etag[is_gz];
	reply->encoding = is_gz ? "gzip" : NULL;
	reply->data = is_gz ? file->gz_at : file->at;
	reply->body_len = (size_t)(is_gz ? file->gz_end - file->gz_at : file->end - file->at);
	reply->status = 200;
	if (req->if_none_match && strstr(req->if_none_match, reply->etag)) {
		reply->status = 304;
		reply->body_len = 0;
	}
	return 0;
}

int api_page(const struct api_request *req, struct api_reply *reply)
{
	if (!req->accept || !strstr(req->accept, "text/html"))
		return api_index(req, reply);
	return reply_file(req, reply, &html);
}

int api_page_js(const struct api_request *req, struct api_reply *reply)
{
	return reply_file(req, reply, &js);
}

int api_page_css(const struct api_request *req, struct api_reply *reply)
{
	return reply_file(req, reply, &css);
}

int api_page_icon(const struct api_request *req, struct api_reply *reply)
{
	/* browsers look for it at every change of the address */
	reply->cache = "max-age=86400";
	return reply_file(req, reply, &icon);
}
