pub mod admin;
pub mod assets;
pub mod negotiate;
pub mod pages;
